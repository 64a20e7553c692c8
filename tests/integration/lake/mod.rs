//! What a lake on Azure does to a load: rows 10 to 12 of what must survive, against a server that misbehaves
//! on command, with the real binary and a real database.

mod versions;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::support::server::signal;
use crate::support::{Act, BlobServer, End, Evo, Run, counts, gz, object};

const RUN: &str = "20260110T020501Z";
pub(crate) const KEY: &str = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=";
/// What the tests' binary is given: see `support::binary`.
const MAX_RETRIES: usize = 2;
/// Long enough for what a lake asks for in these tests.
const PATIENT: [(&str, &str); 1] = [("EVO_RETRY_MAX", "5s")];

/// A lake of `parts` objects of 50 documents each, none of which compresses.
pub(crate) struct Lake {
    pub evo: Evo,
    pub server: BlobServer,
    paths: Vec<String>,
}

fn document(part: usize, i: usize, version: usize) -> String {
    let noise: Vec<String> = (0..8)
        .map(|n| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(format!("{part} {i} {version} {n}").as_bytes())))
        .collect();
    format!(r#"{{"idSale": {}, "version": {version}, "observations": "{}"}}"#, part * 1000 + i, noise.join(""))
}

fn part(part: usize, version: usize) -> Vec<u8> {
    gz((0..50).map(|i| document(part, i, version)).collect::<Vec<_>>().join("\n").as_bytes())
}

impl Lake {
    pub fn of(parts: usize) -> Self {
        let server = BlobServer::start();
        let paths: Vec<String> =
            (0..parts).map(|i| object("sales", RUN, &format!("2025-12_part-{i:05}")).path()).collect();
        for (i, path) in paths.iter().enumerate() {
            server.put(path, &part(i, 1));
        }
        Self { evo: Evo::new(), server, paths }
    }

    pub fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = crate::support::binary(self.evo.dir.path());
        command
            .args(["load", "sales", "--output", "json", "--lake", "az://datalake", "--database-url", &self.evo.db.url])
            .args(args)
            .env("AZURE_STORAGE_ENDPOINT", self.server.endpoint())
            .env("AZURE_STORAGE_ACCOUNT_NAME", "acme")
            .env("EVO_LAKE_IDLE_TIMEOUT", "400ms");
        command
    }

    fn load(&self, args: &[&str]) -> Run {
        self.load_with(args, &[])
    }

    fn load_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = self.command(args);
        command.env("AZURE_STORAGE_ACCOUNT_KEY", KEY).envs(variables.iter().copied());
        let run: Run = command.output().unwrap().into();
        assert!(!run.stderr.contains(KEY), "a secret is shown");
        run
    }

    /// Every row of every part is there once, as in `version`, and the ledger says so.
    #[track_caller]
    pub fn holds(&self, version: usize) {
        let rows = self.evo.db.sql("select sale_id, raw_data::text from stg_evo.sales_raw order by sale_id");
        let expected: Vec<Vec<String>> = (0..self.paths.len())
            .flat_map(|p| (0..50).map(move |i| vec![(p * 1000 + i).to_string(), document(p, i, version)]))
            .collect();
        let compact = |rows: &[Vec<String>]| -> Vec<(String, serde_json::Value)> {
            rows.iter().map(|r| (r[0].clone(), serde_json::from_str(&r[1]).unwrap())).collect()
        };
        assert_eq!(rows.len(), expected.len());
        assert_eq!(compact(&rows), compact(&expected));
        let loaded = "select count(*), sum(lines_count), sum(rejected_count) from evo.objects \
            where state = 'loaded' and (path, object_id) in (select path, max(object_id) from evo.objects group by path)";
        let parts = self.paths.len();
        assert_eq!(self.evo.db.sql(loaded), [[parts.to_string(), (parts * 50).to_string(), "0".to_owned()]]);
    }

    pub fn is_empty(&self) -> bool {
        self.evo.db.one("select count(*) from stg_evo.sales_raw") == "0"
            && self.evo.db.one("select count(*) from evo.objects where state = 'loaded'") == "0"
    }
}

fn busy(status: u16, retry_after: Option<&str>) -> Act {
    let wait = retry_after.map(|text| ("Retry-After", text.to_owned()));
    let headers = [("x-ms-error-code", "ServerBusy".to_owned())].into_iter().chain(wait).collect();
    Act::Answer(status, headers, String::new())
}

#[test]
fn fault_10_a_busy_lake_is_left_alone_as_long_as_it_asks() {
    for (status, at_least) in [(503, Duration::from_secs(1)), (429, Duration::from_millis(900)), (500, Duration::ZERO)]
    {
        let asks = move || match status {
            503 => Some("1".to_owned()),
            429 => Some((chrono::Utc::now() + Duration::from_secs(3)).format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            _ => None,
        };
        let lake = Lake::of(2);
        let path = lake.paths[1].clone();
        lake.server.script(move |r| match (&r.blob, r.number) {
            (Some(blob), 1) if *blob == path => busy(status, asks().as_deref()),
            _ => Act::Serve,
        });
        // No batch is repeated: the client's own retries are enough.
        let run = lake.load_with(&["--workers", "1"], &PATIENT).exits(0).says("resuming where it stopped");
        assert_eq!(counts(&run.json()["entities"][0]), "100/0/0/0/0 of 100");
        let gets = lake.server.gets(&lake.paths[1]);
        assert_eq!(gets.len(), 2);
        let waited = gets[1].at - gets[0].at;
        assert!(waited >= at_least && waited < at_least + Duration::from_secs(5), "{status}: waited {waited:?}");
        lake.holds(1);
    }
}

/// What a busy lake has seen. Requests are held until enough of them are there, however long that takes.
#[derive(Default)]
struct Crowd {
    refused: usize,
    refused_at: Option<Instant>,
    /// Held now, and at most so far.
    held: usize,
    most: usize,
    answered: usize,
    /// Of each request after the refusals: held with it, answered before it, when it came.
    arrivals: Vec<(usize, usize, Instant)>,
}

type Waiting<'a> = MutexGuard<'a, Crowd>;

impl Crowd {
    /// Requests that may be under way together when this many were answered after the refusals: half of
    /// eight, and one more for each round of answers.
    fn allowed(answered: usize) -> usize {
        match answered {
            0..4 => 4,
            4..9 => 5,
            9..15 => 6,
            15..22 => 7,
            _ => 8,
        }
    }
}

#[test]
fn fault_10_fewer_requests_are_made_at_once_while_the_lake_is_busy() {
    let lake = Lake::of(24);
    let shared = Arc::new((Mutex::new(Crowd::default()), Condvar::new()));
    let (seen, pause) = (shared.clone(), Duration::from_secs(2));
    lake.server.script(move |r| {
        if r.blob.is_none() {
            return Act::Serve;
        }
        let (crowd, changed) = &*seen;
        let until = |now, misses: fn(&mut Crowd) -> bool| -> Waiting<'_> {
            changed.notify_all();
            changed.wait_timeout_while(now, Duration::from_secs(20), misses).unwrap().0
        };
        let mut now = crowd.lock().unwrap();
        if now.refused < 8 {
            now.refused += 1;
            now.refused_at = Some(Instant::now());
            drop(until(now, |crowd| crowd.refused < 8));
            return busy(503, Some("2"));
        }
        now.held += 1;
        now.most = now.most.max(now.held);
        let arrival = (now.held, now.answered, r.at);
        now.arrivals.push(arrival);
        if arrival.1 < 4 {
            drop(until(now, |crowd| crowd.most < 4));
            // For a fifth, which must not come.
            std::thread::sleep(Duration::from_millis(300));
            now = crowd.lock().unwrap();
        } else {
            now = until(now, |crowd| crowd.most < 5);
        }
        now.held -= 1;
        now.answered += 1;
        Act::Serve
    });
    let patient = [PATIENT[0], ("EVO_LAKE_IDLE_TIMEOUT", "1m")];
    lake.load_with(&["--workers", "8", "--batch-size", "1"], &patient).exits(0);
    let crowd = shared.0.lock().unwrap();
    let at_once: Vec<(usize, usize)> = crowd.arrivals.iter().map(|(held, answered, _)| (*held, *answered)).collect();
    assert!(crowd.refused == 8 && at_once.len() == 24, "{} refused, then {at_once:?}", crowd.refused);
    let waited = crowd.arrivals[0].2 - crowd.refused_at.unwrap();
    assert!(waited >= pause, "the first came after {waited:?}");
    let is_allowed = |(held, answered): &(usize, usize)| *held <= Crowd::allowed(*answered);
    assert!(at_once.iter().all(is_allowed), "too many at once after the refusals (held, answered before): {at_once:?}");
    assert!(crowd.most > 4, "the limit was never lifted again: {at_once:?}");
    lake.holds(1);
}

#[test]
fn fault_10_a_lake_that_stays_busy_ends_the_job_within_its_budget_and_the_next_run_finishes_it() {
    let lake = Lake::of(2);
    lake.server.script(|r| if r.blob.is_some() { busy(503, None) } else { Act::Serve });
    let started = Instant::now();
    let run = lake.load(&["--workers", "1"]).exits(4).says("503 ServerBusy").says("gave up after 3 attempts");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let most = (MAX_RETRIES + 1) * (MAX_RETRIES + 1);
    assert!(lake.server.gets(&lake.paths[0]).len() <= most, "{}", run.stderr);
    assert!(lake.is_empty());
    lake.server.script(|_| Act::Serve);
    lake.load(&[]).exits(0);
    lake.holds(1);
}

#[test]
fn fault_10_a_lake_that_asks_for_more_patience_than_is_allowed_is_not_waited_for() {
    let lake = Lake::of(1);
    lake.server.script(|_| busy(429, Some("3600")));
    let started = Instant::now();
    lake.load(&[]).exits(4).says("asked for a pause of 3600s, longer than retry.max");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(lake.is_empty());
}

#[test]
fn fault_10_a_listing_goes_on_at_the_page_that_failed() {
    let lake = Lake::of(7);
    lake.server.page(3);
    lake.server.script(|r| if r.blob.is_none() && r.number == 2 { busy(503, None) } else { Act::Serve });
    lake.load(&[]).exits(0);
    let seen = lake.server.seen();
    let markers: Vec<bool> = seen.iter().filter(|r| r.blob.is_none()).map(|r| r.query.contains("marker=")).collect();
    assert_eq!(markers, [false, true, true, true], "three pages, the second asked for twice");
    lake.holds(1);
}

#[test]
fn fault_11_a_body_that_is_cut_goes_on_where_it_stopped() {
    for end in [End::Fin, End::Rst, End::Hang] {
        let lake = Lake::of(3);
        let path = lake.paths[1].clone();
        lake.server.script(move |r| {
            if r.blob.as_ref() == Some(&path) && r.number == 1 { Act::Cut(1_000, end) } else { Act::Serve }
        });
        let run = lake.load(&["--workers", "1"]).exits(0).says("after 1000 of");
        let gets = lake.server.gets(&lake.paths[1]);
        assert_eq!(gets.len(), 2, "{end:?}\n{}", run.stderr);
        assert_eq!(gets.iter().map(|r| r.start()).collect::<Vec<_>>(), [Some(0), Some(1_000)], "{end:?}");
        assert!(gets.iter().all(|r| !r.header("if-match").is_empty()), "not bound to the version");
        assert_eq!(counts(&run.json()["entities"][0]), "150/0/0/0/0 of 150");
        lake.holds(1);
    }
}

#[test]
fn fault_11_progress_is_not_a_failed_attempt() {
    let lake = Lake::of(1);
    // Far more cuts than attempts.
    lake.server.script(|r| if r.blob.is_some() { Act::Cut(700, End::Fin) } else { Act::Serve });
    let run = lake.load(&[]).exits(0);
    let gets = lake.server.gets(&lake.paths[0]);
    assert!(gets.len() > 2 * MAX_RETRIES, "{}\n{}", gets.len(), run.stderr);
    let starts: Vec<usize> = gets.iter().filter_map(|r| r.start()).collect();
    assert_eq!(starts, (0..gets.len()).map(|i| i * 700).collect::<Vec<_>>(), "no byte is asked for twice");
    lake.holds(1);
}

#[test]
fn fault_11_a_short_success_never_passes_for_the_object() {
    let whole = part(0, 1).len();
    for (name, short) in [
        ("a success without a range", Act::Short(1_000, None)),
        ("less than the range that was asked for", Act::Short(1_000, Some(format!("bytes 0-999/{whole}")))),
        ("a size that is not the listed one", Act::Short(1_000, Some("bytes 0-999/1000".to_owned()))),
    ] {
        // Once: repeated, and whole at last.
        let lake = Lake::of(2);
        let (path, act) = (lake.paths[0].clone(), short.clone());
        lake.server.script(
            move |r| {
                if r.blob.as_ref() == Some(&path) && r.number == 1 { act.clone() } else { Act::Serve }
            },
        );
        lake.load(&[]).exits(0);
        lake.holds(1);
        // For ever: nothing is committed.
        let lake = Lake::of(1);
        lake.server.script(move |r| if r.blob.is_some() { short.clone() } else { Act::Serve });
        lake.load(&[]).exits(4);
        assert!(lake.is_empty(), "{name}");
        lake.server.script(|_| Act::Serve);
        lake.load(&[]).exits(0);
        lake.holds(1);
    }
}

#[test]
fn fault_11_an_empty_object_is_empty_and_not_cut() {
    let lake = Lake::of(1);
    let empty = object("sales", RUN, "2025-12_part-99999").path();
    lake.server.put(&empty, b"");
    lake.load(&[]).exits(6).says("promises compression gzip, but it is empty");
    // There is no first byte to ask for: the service refuses the range.
    assert_eq!(lake.server.gets(&empty).iter().map(|r| r.start()).collect::<Vec<_>>(), [Some(0), None]);
    assert_eq!(lake.evo.db.one("select count(*) from stg_evo.sales_raw"), "50");
}

#[test]
fn fault_11_a_body_that_never_gets_further_ends_the_job_within_its_budget() {
    for end in [End::Fin, End::Rst, End::Hang] {
        let lake = Lake::of(1);
        lake.server.script(move |r| match (&r.blob, r.start()) {
            (Some(_), Some(start)) => Act::Cut(1_000_usize.saturating_sub(start), end),
            _ => Act::Serve,
        });
        lake.load(&[]).exits(4).says("gave up after").says("after 1000 of");
        assert!(lake.is_empty());
        lake.server.script(|_| Act::Serve);
        lake.load(&[]).exits(0);
        lake.holds(1);
    }
}

#[test]
fn fault_10_a_stop_ends_the_wait_for_the_lake() {
    let lake = Lake::of(1);
    lake.server.script(|r| if r.blob.is_some() { busy(503, Some("100")) } else { Act::Serve });
    let mut command = lake.command(&[]);
    command.env("AZURE_STORAGE_ACCOUNT_KEY", KEY).env("EVO_RETRY_MAX", "4m").stderr(std::process::Stdio::null());
    let mut process = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    for _ in 0..400 {
        if !lake.server.gets(&lake.paths[0]).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    std::thread::sleep(Duration::from_millis(200));
    let asked = Instant::now();
    signal(process.id() as i32, libc::SIGTERM);
    assert_eq!(process.wait().unwrap().code(), Some(143));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(lake.is_empty());
}

#[test]
fn fault_10_bodies_that_wait_for_their_turn_keep_no_place() {
    // One place, and a batch of objects that begin to be read together but are consumed in order.
    let lake = Lake::of(12);
    lake.server.script(|r| match (&r.blob, r.number) {
        (Some(_), 1) => busy(503, Some("1")),
        (Some(_), 2) => Act::Cut(1_000, End::Fin),
        _ => Act::Serve,
    });
    let started = Instant::now();
    lake.load_with(
        &["--workers", "2", "--batch-size", "6"],
        &[("EVO_RETRY_MAX", "5s"), ("EVO_RETRY_MAX_RETRIES", "20")],
    )
    .exits(0);
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    lake.holds(1);
}
