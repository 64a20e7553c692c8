//! Random histories of a lake, loaded in random ways, against a plain sequential oracle.
//!
//! A history reveals objects of several runs step by step in any order, rewrites some, and loads after each
//! step with any number of workers, any batch size, by up to three executions side by side, some of which are
//! interrupted at any moment. Keys are few and contents fewer, so that duplicates in an object, between
//! objects and between runs, and A-B-A abound.
//!
//! `EVO_TEST_HISTORIES` sets how many each test runs (100), `EVO_TEST_SEED` where they begin.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evo::bronze::{Lake, Limits};
use evo::config::{self, Dsn};
use evo::entity::{Catalog, Entity};
use evo::ids::ExecutionId;
use evo::ledger::objects::{Again, Selection};
use evo::load::{Claims, EntitySummary, LoadJob, discover, load_planned};
use evo::meter::Meter;
use evo::pg::{Pool, Presence};
use evo::retry::Policy;
use evo::shutdown::Shutdown;
use evo::verify::{self, Mismatch, MismatchKind, Mismatches, Reread, VerifyJob};
use tokio_postgres::SimpleQueryMessage;
use xxhash_rust::xxh3::xxh3_128;

use crate::support::{Database, Dice, Object, gz, object, write};

/// Place of a line in the order in which lines beat each other: date, run with its number read as a number,
/// path, version of the object, line.
type Age = (String, (u64, String), String, usize, usize);

/// What a plain loader that keeps everything in mind ends with: of each key the newest line.
#[derive(Default)]
struct Oracle {
    newest: BTreeMap<u64, (Age, String)>,
    lines: i64,
    bad: i64,
}

impl Oracle {
    fn load(&mut self, object: &Written, version: usize) {
        for (n, line) in object.lines.iter().enumerate() {
            self.lines += 1;
            let Some(key) = line.key else {
                self.bad += 1;
                continue;
            };
            let number = object.run.trim_end_matches("T000000Z").trim_start_matches("run-").parse().unwrap();
            let age = (object.date.clone(), (number, object.run.clone()), object.path.clone(), version, n);
            match self.newest.get(&key) {
                Some((other, _)) if *other > age => {}
                _ => {
                    self.newest.insert(key, (age, line.text.clone()));
                }
            }
        }
    }
}

struct Line {
    key: Option<u64>,
    text: String,
}

struct Written {
    date: String,
    run: String,
    path: String,
    lines: Vec<Line>,
}

/// How documents of an entity look.
#[derive(Clone, Copy)]
struct Shape {
    entity: &'static str,
    table: &'static str,
    key: &'static str,
    document: fn(u64, u64) -> String,
    /// An id of the key column `s.KEY` that no document has.
    stranger: &'static str,
}

/// Some neighbours are in one lane of keys, some are not.
const SALES: Shape = Shape {
    entity: "sales",
    table: "stg_evo.sales_raw",
    key: "((raw_data ->> 'idSale')::bigint / 3000)",
    document: |key, version| format!(r#"{{"idSale": {}, "v": {version}}}"#, key * 3000),
    stranger: "-s.sale_id",
};

/// Partitioned, hashed keys, a time in the key.
const ENTRIES: Shape = Shape {
    entity: "entries",
    table: "stg_evo.entries_raw",
    key: "(raw_data ->> 'idMember')",
    document: |key, version| {
        format!(r#"{{"date": "202{}-05-05T10:00:00", "idMember": {key}, "v": {version}}}"#, key % 3)
    },
    stranger: "-s.entry_id",
};

/// Texts as keys, some with characters that mean something elsewhere.
const ITEMS: Shape = Shape {
    entity: "items",
    table: "stg_evo.items_raw",
    key: "(raw_data ->> 'n')",
    document: |key, version| {
        let code = ["a,b", "%2C", "é", "É", "a\\\"b'", " x", "Z", "z", "漢", "10"][key as usize % 10];
        format!(r#"{{"n": {key}, "code": "{code}{key}", "v": {version}}}"#)
    },
    stranger: "s.item_id || '?'",
};

/// A uuid together with a time, in partitions.
const TICKETS: Shape = Shape {
    entity: "tickets",
    table: "stg_evo.tickets_raw",
    key: "(raw_data ->> 'n')",
    document: |key, version| {
        let id = uuid::Uuid::from_u128(u128::from(key).pow(9));
        format!(r#"{{"n": {key}, "id": "{id}", "sold": "202{}-05-05T10:00:00", "v": {version}}}"#, key % 3)
    },
    stranger: "md5(s.ticket_id::text)::uuid",
};

/// Several fields as a key.
const SEATS: Shape = Shape {
    entity: "seats",
    table: "stg_evo.seats_raw",
    key: "(raw_data ->> 'n')",
    document: |key, version| format!(r#"{{"n": {key}, "room": "{}", "seat": {}, "v": {version}}}"#, key % 3, key / 3),
    stranger: "md5(s.seat_key::text)::uuid",
};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys");

fn lines(dice: &mut Dice, shape: Shape, keys: u64) -> Vec<Line> {
    (0..dice.roll(9))
        .map(|_| match dice.one_in(15) {
            true => Line { key: None, text: "{\"broken\": ".to_owned() },
            false => {
                let (key, version) = (1 + dice.roll(keys), dice.roll(2));
                Line { key: Some(key), text: (shape.document)(key, version) }
            }
        })
        .collect()
}

struct Bench {
    db: Database,
    client: tokio_postgres::Client,
    lake: tempfile::TempDir,
    entity: Entity,
    decoders: Arc<rayon::ThreadPool>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(shape: Shape) -> Self {
        let catalog = Catalog::load(Some(Path::new(KEYS))).unwrap();
        let entity = catalog.select(&[shape.entity.to_owned()]).unwrap()[0].clone();
        let lake = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let db = Database::migrated();
        db.sql(&std::fs::read_to_string(format!("{KEYS}/migrations/0001_keys.up.sql")).unwrap());
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&db.url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Self { db, client, lake, entity, decoders: evo::load::decoders(2).unwrap(), runtime }
    }

    /// Rows as text, over one connection for all histories.
    fn sql(&self, query: &str) -> Vec<Vec<String>> {
        let messages =
            self.runtime.block_on(self.client.simple_query(query)).unwrap_or_else(|e| panic!("{query}\n{e:?}"));
        let rows = messages.iter().filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| (0..row.len()).map(|i| row.get(i).unwrap_or("∅").to_owned()).collect()).collect()
    }

    fn one(&self, query: &str) -> String {
        self.sql(query)[0][0].clone()
    }

    fn clear(&self, shape: Shape) {
        let bronze = self.lake.path().join("bronze");
        if bronze.exists() {
            std::fs::remove_dir_all(bronze).unwrap();
        }
        self.sql(&format!(
            "truncate {}, evo.recounts, evo.objects, evo.batches, evo.rejects, evo.seen_keys, evo.model_batches,
             evo.followed_batches",
            shape.table
        ));
    }

    fn job(&self, pool: &Pool, how: &How, again: bool) -> LoadJob {
        LoadJob {
            lake: Lake::open(&config::LakeAddress::Directory(self.lake.path().to_owned()), &config::Azure::default())
                .unwrap(),
            pool: pool.clone(),
            entity: self.entity.clone(),
            selection: Selection { again: if again { Again::All } else { Again::No }, ..Selection::default() },
            batch_size: how.batch_size,
            limit: evo::load::ObjectLimit::default(),
            claims: Claims::new(ExecutionId::new(), Duration::from_secs(30)),
            workers: how.workers,
            retry: Policy {
                max_retries: 8,
                base: Duration::from_millis(5),
                max: Duration::from_millis(50),
                budget: Duration::from_secs(10),
            },
            limits: Limits { line_bytes: 1 << 20, ratio: 1_000 },
            decoders: self.decoders.clone(),
            shutdown: Shutdown::never(),
        }
    }

    /// One execution, to its end or broken off after a while, as by SIGKILL.
    async fn load(&self, how: &How, again: bool, broken_off: Option<Duration>) -> EntitySummary {
        let dsn = Dsn::parse(&self.db.url).unwrap();
        let pool = Pool::new(dsn, "evo:load", how.workers * 2 + 2);
        let job = self.job(&pool, how, again);
        let presence = Presence::announce(&pool, "load", job.claims.holder().execution_id.0).await.unwrap();
        let whole = async {
            let plan = discover(&job).await.unwrap_or_else(|e| panic!("{}", e.render()));
            load_planned(&job, &plan, &Meter::default()).await
        };
        let summary = match broken_off {
            Some(after) => tokio::time::timeout(after, whole).await.unwrap_or_default(),
            None => whole.await,
        };
        drop(presence);
        if let Some(failure) = &summary.failure {
            panic!("{}", failure.render());
        }
        assert!(summary.counts.balanced(), "{:?}", summary.counts);
        summary
    }
}

impl Bench {
    /// What a verification of everything finds.
    fn verify(&self) -> Mismatches {
        let _inside = self.runtime.enter();
        let pool = Pool::new(Dsn::parse(&self.db.url).unwrap(), "evo:verify", 3);
        let how = How { workers: 2, batch_size: None, executions: 1 };
        let load = self.job(&pool, &how, false);
        let job = VerifyJob {
            lake: load.lake.clone(),
            lake_id: load.selection.lake,
            pool: pool.clone(),
            entity: self.entity.clone(),
            workers: 2,
            limits: load.limits,
            decoders: self.decoders.clone(),
            shutdown: Shutdown::never(),
            meter: Meter::default(),
        };
        self.runtime.block_on(async {
            let mut found = Mismatches::default();
            verify::compare_listing(&job, &mut found).await.unwrap();
            let counts = verify::count(&job, &mut found).await.unwrap();
            verify::compare_documents(&job, &Reread::All, 0, &mut found).await.unwrap();
            found.extend(counts.mismatches(&job.entity.staging.table, &found));
            found
        })
    }

    /// Plants a corruption in one row that came from an object as it is now, and asserts that it is found,
    /// and nothing else.
    fn corrupt(&self, dice: &mut Dice, shape: Shape, story: &str) {
        let none: Vec<&Mismatch> = Vec::new();
        assert_eq!(self.verify().iter().collect::<Vec<_>>(), none, "{story}");
        let key = &self.entity.staging.key_column;
        let (table, all) =
            (shape.table, "s.raw_data, s.run_id, s.ingestion_date, s._source_file, s._content_hash, s._batch_id");
        let rows = self.sql(&format!(
            "select s.{key} from {table} s
             join (
                 select o.path, o.batch_id from evo.objects o
                 where o.state = 'loaded' and not exists (
                     select from evo.objects n where n.path = o.path and n.version > o.version)
                 offset 0
             ) o on o.path = s._source_file and o.batch_id = s._batch_id
             order by 1",
        ));
        if rows.is_empty() {
            return;
        }
        let chosen = &rows[dice.index(rows.len())][0];
        let is_chosen = format!("where s.{key} = '{}'", chosen.replace('\'', "''"));
        let (sql, kinds): (String, &[MismatchKind]) = match dice.roll(4) {
            0 => (format!("delete from {table} s {is_chosen}"), &[MismatchKind::RowMissing]),
            1 => (format!("update {table} s set raw_data = '{{\"v\": 9}}' {is_chosen}"), &[MismatchKind::RowAltered]),
            // Of a row that a newer object has seen, too, the newer line says so.
            2 => (
                format!("update {table} s set _content_hash = md5('x')::uuid {is_chosen}"),
                &[MismatchKind::RowAltered, MismatchKind::RowOutdated],
            ),
            _ => {
                let names = all.replace("s.", "");
                let keys = self.entity.staging_key().join(", ");
                let values = self.entity.staging_key().join(", s.").replacen(key, shape.stranger, 1);
                let select = format!("select {values}, {all}, s._source_line from {table} s {is_chosen}");
                (format!("insert into {table} ({keys}, {names}, _source_line) {select}"), &[MismatchKind::RowAdded])
            }
        };
        self.sql(&sql);
        let found = self.verify();
        // A row too many is also one more than its object's load wrote.
        let is_counted = |m: &&Mismatch| m.kind == MismatchKind::RowCount && kinds.contains(&MismatchKind::RowAdded);
        let found: Vec<&Mismatch> = found.iter().filter(|m| !is_counted(m)).collect();
        let is_added = kinds.contains(&MismatchKind::RowAdded);
        let is_planted = |m: &&Mismatch| {
            kinds.contains(&m.kind) && m.key.as_ref().is_some_and(|key| is_added || key.to_string() == *chosen)
        };
        assert!(found.len() == 1 && found.iter().all(is_planted), "{story}\n{sql}\n{found:#?}");
    }
}

/// How a step is loaded.
#[derive(Debug)]
struct How {
    workers: usize,
    batch_size: Option<usize>,
    executions: u64,
}

fn how(dice: &mut Dice) -> How {
    How {
        workers: 1 + dice.roll(4) as usize,
        batch_size: [None, Some(1), Some(2), Some(5)][dice.index(4)],
        executions: 1 + dice.roll(6) / 3 + dice.roll(6) / 5,
    }
}

fn reveal(lake: &Path, object: &Written) {
    let text: Vec<&str> = object.lines.iter().map(|line| line.text.as_str()).collect();
    write(lake, &object.path, &gz(text.join("\n").as_bytes()));
}

/// Plays one history.
fn play(bench: &Bench, shape: Shape, seed: u64) {
    let mut dice = Dice(seed);
    let mut story = format!("seed {seed}");
    let mut oracle = Oracle::default();
    let keys = 1 + dice.roll(10);
    let mut hidden: Vec<Written> = Vec::new();
    // Ids that sort as texts; that do not, several a day; that start again each day; and runs that go on past
    // midnight.
    let naming = dice.roll(4);
    write!(story, " naming {naming}").unwrap();
    for run in 0..1 + dice.roll(4) {
        let (id, date) = match naming {
            0 => (format!("2026010{run}T000000Z"), 10),
            1 => (format!("run-{}", 8 + run), 10 + run / 3),
            2 => (format!("run-{}", 1 + run % 2), 10 + run / 2),
            _ => (format!("{}", 9 + run), 10 + run),
        };
        for part in 0..1 + dice.roll(5) {
            let date = if naming == 3 && dice.one_in(3) { date + 1 } else { date };
            let date = format!("2026-01-{date}");
            let path = Object { date: &date, ..object(shape.entity, &id, &format!("part-{part}")) }.path();
            if hidden.iter().all(|other| other.path != path) {
                hidden.push(Written { date, run: id.clone(), path, lines: lines(&mut dice, shape, keys) });
            }
        }
    }
    let mut shown: Vec<Written> = Vec::new();
    let mut version = 0;
    while !hidden.is_empty() || version == 0 || dice.one_in(3) {
        version += 1;
        let mut fresh = Vec::new();
        for _ in 0..hidden.len().min(1 + dice.roll(5) as usize) {
            let next = hidden.swap_remove(dice.index(hidden.len()));
            fresh.push(next);
        }
        if !shown.is_empty() && dice.one_in(4) {
            let mut again = shown.swap_remove(dice.index(shown.len()));
            again.lines = lines(&mut dice, shape, keys);
            fresh.push(again);
        }
        let all_again = dice.one_in(8);
        let how = how(&mut dice);
        write!(story, " | {} objects, again {all_again}, {how:?}", fresh.len()).unwrap();
        for object in &fresh {
            reveal(bench.lake.path(), object);
        }
        shown.extend(fresh);
        if dice.one_in(3) {
            let after = Duration::from_millis(dice.roll(60));
            write!(story, ", first broken off after {after:?}").unwrap();
            bench.runtime.block_on(bench.load(&how, all_again, Some(after)));
        }
        let executions = (0..how.executions).map(|i| bench.load(&how, all_again && i == 0, None));
        bench.runtime.block_on(futures_util::future::join_all(executions));
        // The oracle loads what the ledger says was loaded last, regardless of the execution.
        oracle_step(bench, &mut oracle, &shown, version);
        compare(bench, shape, &oracle, &story);
    }
    bench.corrupt(&mut dice, shape, &story);
}

/// Everything that is shown is loaded now; a version that the oracle has seen already changes nothing for it.
fn oracle_step(bench: &Bench, oracle: &mut Oracle, shown: &[Written], version: usize) {
    let waiting = bench.one("select count(*) from evo.objects where state = 'pending'");
    assert_eq!(waiting, "0");
    (oracle.lines, oracle.bad) = (0, 0);
    for object in shown {
        oracle.load(object, version);
    }
}

fn compare(bench: &Bench, shape: Shape, oracle: &Oracle, story: &str) {
    let rows = bench.sql(&format!(
        "select {}::bigint, raw_data, replace(_content_hash::text, '-', ''), run_id, _source_file from {} order by 1",
        shape.key, shape.table
    ));
    let found: Vec<_> = rows.iter().map(|row| (row[0].parse::<u64>().unwrap(), row[2].clone())).collect();
    let expected: Vec<_> =
        oracle.newest.iter().map(|(key, (_, text))| (*key, format!("{:032x}", xxh3_128(text.as_bytes())))).collect();
    let texts: Vec<_> = oracle.newest.iter().map(|(key, (age, text))| (key, age, text)).collect();
    assert_eq!(found, expected, "{story}\nstaging: {rows:#?}\noracle: {texts:#?}");
    // Of each object's present version, every line is counted exactly once, and so for the batches.
    let sums = bench.sql(
        "select sum(lines_count), sum(rejected_count),
                bool_and(lines_count = inserted_count + updated_count + unchanged_count + superseded_count + rejected_count)
         from (select distinct on (path) * from evo.objects order by path, object_id desc) o",
    );
    assert_eq!(sums, [[oracle.lines.to_string(), oracle.bad.to_string(), "t".to_owned()]], "{story}");
    let inserted =
        "select sum(inserted_count) = (select count(*) from TABLE) from evo.batches where state = 'committed'";
    assert_eq!(bench.one(&inserted.replace("TABLE", shape.table)), "t", "rows are what was inserted; {story}");
    assert_eq!(bench.one("select count(*) from evo.batches where state <> 'committed'"), "0", "{story}");
    let open = "select count(*) from evo.rejects where resolved_at is null";
    assert_eq!(bench.one(open), oracle.bad.to_string(), "{story}");
}

fn play_many(shape: Shape, offset: u64) {
    play_some(shape, offset, 100);
}

fn play_some(shape: Shape, offset: u64, usual: u64) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let histories = number("EVO_TEST_HISTORIES", usual);
    let seed = number("EVO_TEST_SEED", 20_260_101) + offset * 1_000_000;
    let bench = Bench::new(shape);
    for n in 0..histories {
        bench.clear(shape);
        play(&bench, shape, seed + n);
    }
}

#[test]
fn any_history_of_sales_ends_as_a_plain_sequential_loader_would() {
    play_many(SALES, 1);
}

#[test]
fn any_other_history_of_sales_ends_so_too() {
    play_many(SALES, 2);
}

#[test]
fn any_history_of_partitioned_entries_ends_as_a_plain_sequential_loader_would() {
    play_many(ENTRIES, 3);
}

#[test]
fn any_history_of_texts_uuids_and_several_fields_as_keys_ends_so_too() {
    for (offset, shape) in [(14, ITEMS), (15, TICKETS), (16, SEATS)] {
        play_some(shape, offset, 20);
    }
}
