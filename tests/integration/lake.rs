//! What a lake on Azure does to a load: rows 10 to 12 and 29 of what must survive, against a server that misbehaves on
//! command, with the real binary and a real database.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{Act, BlobServer, End, Evo, Run, counts, gz, object};

const RUN: &str = "20260110T020501Z";
const KEY: &str = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI=";
/// What the tests' binary is given: see `support::binary`.
const MAX_RETRIES: usize = 2;
/// Long enough for what a lake asks for in these tests.
const PATIENT: [(&str, &str); 1] = [("EVO_RETRY_MAX", "5s")];

/// A lake of `parts` objects of 50 documents each, none of which compresses.
struct Lake {
    evo: Evo,
    server: BlobServer,
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
    fn of(parts: usize) -> Self {
        let server = BlobServer::start();
        let paths: Vec<String> =
            (0..parts).map(|i| object("sales", RUN, &format!("2025-12_part-{i:05}")).path()).collect();
        for (i, path) in paths.iter().enumerate() {
            server.put(path, &part(i, 1));
        }
        Self { evo: Evo::new(), server, paths }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
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
    fn holds(&self, version: usize) {
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

    fn is_empty(&self) -> bool {
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
        let asks = match status {
            503 => Some("1".to_owned()),
            429 => Some((chrono::Utc::now() + Duration::from_secs(4)).format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            _ => None,
        };
        let lake = Lake::of(2);
        let (path, date) = (lake.paths[1].clone(), asks.clone());
        lake.server.script(move |r| match (&r.blob, r.number) {
            (Some(blob), 1) if *blob == path => busy(status, date.as_deref()),
            _ => Act::Serve,
        });
        // No batch is repeated: the client's own patience is enough.
        let run = lake.load_with(&["--workers", "1"], &PATIENT).exits(0).says("going on where it stopped");
        assert_eq!(counts(&run.json()["entities"][0]), "100/0/0/0/0 of 100");
        let gets = lake.server.gets(&lake.paths[1]);
        assert_eq!(gets.len(), 2);
        let waited = gets[1].at - gets[0].at;
        assert!(waited >= at_least && waited < at_least + Duration::from_secs(5), "{status}: waited {waited:?}");
        lake.holds(1);
    }
}

#[test]
fn fault_10_fewer_requests_are_made_at_once_while_the_lake_is_busy() {
    let lake = Lake::of(24);
    // The listing and the first answers come at once; when eight are in flight together all are refused.
    let refused = Arc::new(AtomicUsize::new(0));
    let most_after = Arc::new(Mutex::new(Vec::new()));
    lake.server.script({
        let (refused, most_after) = (refused.clone(), most_after.clone());
        move |r| {
            if r.blob.is_none() {
                return Act::Serve;
            }
            if refused.load(Ordering::SeqCst) < 8 && r.number == 1 {
                std::thread::sleep(Duration::from_millis(400));
                refused.fetch_add(1, Ordering::SeqCst);
                return busy(503, Some("1"));
            }
            most_after.lock().unwrap().push(r.in_flight);
            Act::After(Duration::from_millis(150))
        }
    });
    let run = lake.load_with(&["--workers", "8", "--batch-size", "1"], &PATIENT).exits(0);
    let after = most_after.lock().unwrap().clone();
    assert!(refused.load(Ordering::SeqCst) >= 2, "nothing was refused at once");
    assert!(after[..4].iter().all(|n| *n <= 4), "at once after the refusals: {after:?}\n{}", run.stderr);
    assert!(after.iter().max().unwrap() > &4, "the limit was never lifted again: {after:?}");
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
    lake.load(&[]).exits(4).says("asked to be left alone for 3600s, longer than retry.max");
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
fn fault_12_an_object_replaced_while_it_is_read_is_loaded_as_the_new_version_and_never_mixed() {
    // One server keeps to If-Match; behind the other stands a cache that does not.
    for careless in [false, true] {
        let lake = Lake::of(3);
        let (path, server) = (lake.paths[1].clone(), lake.server.clone());
        let replaced = AtomicUsize::new(0);
        lake.server.script(move |r| {
            if r.blob.as_ref() != Some(&path) {
                return Act::Serve;
            }
            if replaced.fetch_add(1, Ordering::SeqCst) == 0 {
                return Act::Cut(1_000, End::Fin);
            }
            if r.number == 2 {
                server.put(&path, &part(1, 2));
            }
            if careless { Act::IgnoreIfMatch } else { Act::Serve }
        });
        lake.load(&["--workers", "1", "--batch-size", "1"]);
        lake.load(&["--workers", "1", "--batch-size", "1"]).exits(0);
        let versions = "select sale_id / 1000, raw_data ->> 'version', count(*) from stg_evo.sales_raw group by 1, 2 order by 1, 2";
        assert_eq!(lake.evo.db.sql(versions), [["0", "1", "50"], ["1", "2", "50"], ["2", "1", "50"]]);
        assert_eq!(
            lake.evo.db.one("select count(*) from evo.objects where state = 'loaded' and path like '%part-00001%'"),
            "1",
            "the old version was never in"
        );
    }
}

#[test]
fn fault_12_an_object_deleted_while_it_is_read_stops_nothing_else() {
    let lake = Lake::of(3);
    let (path, server) = (lake.paths[1].clone(), lake.server.clone());
    lake.server.script(move |r| {
        if r.blob.as_ref() == Some(&path) && r.number == 1 {
            server.delete(&path);
            return Act::Answer(404, vec![("x-ms-error-code", "BlobNotFound".to_owned())], String::new());
        }
        Act::Serve
    });
    lake.load(&["--workers", "1", "--batch-size", "1"]);
    lake.load(&[]).exits(0);
    assert_eq!(lake.evo.db.one("select count(*) from stg_evo.sales_raw"), "100");
}

/// Hands out tokens and knows which of them still open the lake.
#[derive(Default)]
struct Tokens {
    issued: AtomicUsize,
    used: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Tokens {
    /// A token server and a lake in one. A token is good for `uses` requests; `lifetime` is what the token server says.
    fn answer(&self, r: &crate::support::Request, uses: usize, lifetime: u64) -> Act {
        if r.path.ends_with("/token") {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            self.used.store(0, Ordering::SeqCst);
            let secret = r.header("x-identity-header");
            self.asked.lock().unwrap().push(format!("{} {} {} {secret}", r.path, r.query, r.body));
            let until = chrono::Utc::now().timestamp() as u64 + lifetime;
            let json = format!(
                r#"{{"access_token": "token-{number}", "expires_in": {lifetime}, "expires_on": "{until}", "token_type": "Bearer"}}"#
            );
            return Act::Answer(200, vec![("Content-Type", "application/json".to_owned())], json);
        }
        let newest = format!("Bearer token-{}", self.issued.load(Ordering::SeqCst));
        if r.header("authorization") != newest || self.used.fetch_add(1, Ordering::SeqCst) >= uses {
            return Act::Answer(401, vec![("x-ms-error-code", "InvalidAuthenticationInfo".to_owned())], String::new());
        }
        // In the middle of a body as well.
        if r.blob.is_some() && r.number == 1 { Act::Cut(1_000, End::Fin) } else { Act::Serve }
    }
}

#[test]
fn fault_29_a_token_that_expires_during_a_load_is_fetched_again() {
    for (uses, lifetime, why) in
        [(usize::MAX, 2, "it says that it expires"), (2, 3600, "it is refused although it should last")]
    {
        for way in ["managed identity", "client secret", "workload identity"] {
            let lake = Lake::of(4);
            let tokens = Arc::new(Tokens::default());
            lake.server.script({
                let tokens = tokens.clone();
                move |r| {
                    if r.blob.is_some() && lifetime < 60 {
                        std::thread::sleep(Duration::from_millis(150));
                    }
                    tokens.answer(r, uses, lifetime)
                }
            });
            let file = lake.evo.dir.path().join("federated");
            std::fs::write(&file, "assertion").unwrap();
            let mut command = lake.command(&["--workers", "1", "--batch-size", "2"]);
            let (expected, variables) = match way {
                "managed identity" => (
                    "/msi/token",
                    vec![
                        ("IDENTITY_ENDPOINT", lake.server.endpoint() + "/msi/token"),
                        ("IDENTITY_HEADER", "proof".to_owned()),
                    ],
                ),
                _ => {
                    let secret = match way {
                        "client secret" => ("AZURE_CLIENT_SECRET", "hunter2".to_owned()),
                        _ => ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap().to_owned()),
                    };
                    let authority = ("AZURE_AUTHORITY_HOST", lake.server.endpoint() + "/");
                    let app = [("AZURE_CLIENT_ID", "app".to_owned()), ("AZURE_TENANT_ID", "tenant".to_owned())];
                    ("/tenant/oauth2/v2.0/token", app.into_iter().chain([authority, secret]).collect())
                }
            };
            let run: Run = command.envs(variables).output().unwrap().into();
            let run = run.exits(0);
            assert!(!run.stderr.contains("token-") && !run.stderr.contains("hunter2"), "{}", run.stderr);
            let asked = tokens.asked.lock().unwrap().clone();
            assert!(asked.len() >= 3, "{way}, {why}: asked for {} tokens\n{}", asked.len(), run.stderr);
            let proof = match way {
                "managed identity" => "proof",
                "client secret" => "client_secret=hunter2",
                _ => "client_assertion=assertion",
            };
            assert!(asked.iter().all(|a| a.starts_with(expected) && a.contains(proof)), "{way}: {asked:?}");
            lake.holds(1);
        }
    }
}

#[test]
fn fault_29_the_azure_cli_is_asked_again_too() {
    let lake = Lake::of(2);
    let home = lake.evo.dir.path().join("home");
    std::fs::create_dir_all(home.join(".azure")).unwrap();
    std::fs::write(home.join(".azure/azureProfile.json"), "{}").unwrap();
    let az = home.join("az");
    let count = home.join("count");
    // What the real one prints for `az account get-access-token`; the token lasts for a minute, which is too short to keep.
    let script = format!(
        "#!/bin/sh\necho >> {0}\nn=$(wc -l < {0})\nuntil=$(date -d '+1 minute' '+%Y-%m-%d %H:%M:%S.000000')\n\
         echo \"{{\\\"accessToken\\\": \\\"token-$n\\\", \\\"expiresOn\\\": \\\"$until\\\", \\\"tokenType\\\": \\\"Bearer\\\"}}\"\n",
        count.display()
    );
    std::fs::write(&az, script).unwrap();
    std::fs::set_permissions(&az, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    lake.server.script({
        let count = count.clone();
        move |r| {
            let issued = std::fs::read_to_string(&count).map_or(0, |text| text.lines().count());
            if r.header("authorization") == format!("Bearer token-{issued}") {
                std::thread::sleep(Duration::from_millis(150));
                return if r.blob.is_some() && r.number == 1 { Act::Cut(1_000, End::Fin) } else { Act::Serve };
            }
            Act::Answer(401, vec![("x-ms-error-code", "InvalidAuthenticationInfo".to_owned())], String::new())
        }
    });
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    let run: Run = lake.command(&["--workers", "1"]).env("HOME", &home).env("PATH", path).output().unwrap().into();
    run.exits(0);
    assert!(std::fs::read_to_string(&count).unwrap().lines().count() >= 3);
    lake.holds(1);
}

#[test]
fn every_way_to_be_refused_is_one_clear_line() {
    let lake = Lake::of(1);
    let sas = |expiry: &str| format!("sv=2023-11-03&sp=rl&se={expiry}&sig=aHVudGVyMg%3D%3D");
    let key = ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned());
    let app = |name: &'static str, value: &str| (name, value.to_owned());
    let endpoint = lake.server.endpoint();
    let nobody = format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    type Case<'a> = (u16, &'a str, Vec<(&'static str, String)>, i32, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (403, "AuthenticationFailed", vec![key.clone()], 5, "access with this key of the account acme is denied"),
        (403, "AuthorizationFailure", vec![key.clone()], 5, "firewall"),
        (404, "ContainerNotFound", vec![key.clone()], 4, "az://datalake: the container does not exist"),
        (
            403,
            "AuthenticationFailed",
            vec![("AZURE_STORAGE_SAS_TOKEN", sas("2020-01-10T08%3A00%3A00Z"))],
            5,
            "expired at 2020-01-10 08:00:00 UTC",
        ),
        (403, "AuthorizationPermissionMismatch", vec![("AZURE_STORAGE_SAS_TOKEN", sas("2999-01-10"))], 5, "sp=rl"),
        (200, "", vec![("AZURE_STORAGE_ACCOUNT_KEY", "not base64!".to_owned())], 3, "not base64"),
        (200, "", vec![("AZURE_STORAGE_CONNECTION_STRING", "hunter2".to_owned())], 3, "not a list of Name=Value"),
        (200, "", vec![app("AZURE_CREDENTIAL_TYPE", "client_secret")], 3, "AZURE_CLIENT_ID is not set"),
        (
            401,
            "",
            vec![
                app("AZURE_CLIENT_ID", "a"),
                app("AZURE_TENANT_ID", "t"),
                app("AZURE_CLIENT_SECRET", "hunter2"),
                app("AZURE_AUTHORITY_HOST", &endpoint),
            ],
            5,
            "the application gets no token for the lake: AADSTS7000215: Invalid client secret.",
        ),
        (
            200,
            "",
            vec![
                app("AZURE_CLIENT_ID", "a"),
                app("AZURE_TENANT_ID", "t"),
                app("AZURE_FEDERATED_TOKEN_FILE", "/no/such/file"),
            ],
            3,
            "AZURE_FEDERATED_TOKEN_FILE names cannot be read",
        ),
        (
            200,
            "",
            vec![key.clone(), app("AZURE_STORAGE_ENDPOINT", "https://acme.blob.invalid")],
            4,
            "the name acme.blob.invalid cannot be resolved",
        ),
        // Where no proxy listens, no machine's real identity is ever asked for.
        (200, "", vec![app("http_proxy", &nobody)], 3, "no credential for the lake on Azure"),
    ];
    for (status, code, variables, exit, says) in cases {
        let answer = code.to_owned();
        lake.server.script(move |r| match (status, r.path.ends_with("/token")) {
            (200, _) => Act::Serve,
            (_, true) => Act::Answer(
                401,
                vec![],
                r#"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace"}"#
                    .to_owned(),
            ),
            _ => Act::Answer(status, vec![("x-ms-error-code", answer.clone())], "<Error>hunter2</Error>".to_owned()),
        });
        let mut command = lake.command(&[]);
        // Nobody is signed in with the CLI here.
        let run: Run = command.env("HOME", "/nonexistent").envs(variables).output().unwrap().into();
        let run = run.exits(exit).says(says);
        let errors = run.stderr.lines().filter(|l| l.starts_with("error:")).count();
        assert_eq!(errors, 1, "{}", run.stderr);
        for secret in ["hunter2", "aHVudGVyMg", KEY, "not base64!"] {
            assert!(!run.stderr.contains(secret), "{secret} is shown: {}", run.stderr);
        }
    }
    assert!(lake.is_empty());
}
