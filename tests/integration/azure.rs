//! The lake on Azure Blob, against Azurite, the official emulator.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Evo, Run, counts, gz, object, write};

const ACCOUNT: &str = "devstoreaccount1";
/// The emulator's well-known key, from its documentation.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Where `scripts/setup --tests` installs it.
fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../azurite")
}

/// An emulator of its own for one test, killed at the end.
pub(crate) struct Azurite {
    process: Child,
    endpoint: String,
    dir: tempfile::TempDir,
    sas: Vec<String>,
}

impl Azurite {
    /// With an empty container `datalake`.
    fn start() -> Self {
        let program = home().join("node_modules/.bin/azurite-blob");
        assert!(program.exists(), "{} is missing: run scripts/setup --tests", program.display());
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--location"])
            .arg(dir.path().join("azurite"))
            .args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        let mut azurite = Self { process, endpoint, dir, sas: Vec::new() };
        let listens = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(listens, "the emulator does not listen");
        let nothing = azurite.dir.path().join("nothing");
        std::fs::create_dir(&nothing).unwrap();
        azurite.upload(&nothing);
        azurite
    }

    /// With the test's lake below `some/prefix`.
    pub(crate) fn with_lake_of(evo: &Evo) -> Self {
        let mut azurite = Self::start();
        azurite.upload_lake(&evo.lake());
        azurite
    }

    /// Uploads a lake below `some/prefix`.
    fn upload_lake(&mut self, lake: &Path) {
        let folder = self.dir.path().join(format!("upload-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(folder.join("some")).unwrap();
        let copied = Command::new("cp").arg("-r").arg(lake).arg(folder.join("some/prefix")).status();
        assert!(copied.unwrap().success());
        self.upload(&folder);
    }

    fn upload(&mut self, folder: &Path) {
        let output = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/azurite.mjs"))
            .args([&self.connection_string(), "datalake"])
            .arg(folder)
            .env("AZURITE_HOME", home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.sas = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    }

    pub(crate) fn connection_string(&self) -> String {
        format!("DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={};", self.endpoint)
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn load(evo: &Evo, lake: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = crate::support::binary(evo.dir.path());
    command.args(["load", "sales", "--output", "json", "--database-url", &evo.db.url, "--lake", lake]);
    command.envs(variables.iter().copied()).output().unwrap().into()
}

#[test]
fn a_container_loads_like_a_directory_whatever_the_credential() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "3000", "--runs", "2"]).exits(0);
    let azurite = Azurite::with_lake_of(&evo);
    let lake = "az://datalake/some/prefix";
    let first = load(&evo, lake, &[("AZURE_STORAGE_CONNECTION_STRING", &azurite.connection_string())]).exits(0);
    let lines = counts(&first.json()["entities"][0]);
    let from_container =
        evo.db.sql("select sale_id, raw_data, _source_file, _source_line from stg_evo.sales_raw order by 1");
    assert!(from_container.len() >= 3000);
    let key = [
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
        ("AZURE_STORAGE_ENDPOINT", azurite.endpoint.as_str()),
    ];
    load(&evo, lake, &key).exits(0).json()["entities"][0]["objects"]
        .as_u64()
        .filter(|n| *n == 0)
        .expect("known objects are not read again");

    let other = Evo { db: crate::support::Database::migrated(), dir: tempfile::tempdir().unwrap() };
    let sas = [
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
        ("AZURE_STORAGE_SAS_TOKEN", azurite.sas[0].as_str()),
        ("AZURE_STORAGE_ENDPOINT", azurite.endpoint.as_str()),
    ];
    load(&other, lake, &sas).exits(0);
    let rows = |evo: &Evo| {
        evo.db.sql("select sale_id, raw_data, _source_file, _source_line from stg_evo.sales_raw order by 1")
    };
    assert_eq!(rows(&other), from_container);

    let directory = Evo { db: crate::support::Database::migrated(), dir: tempfile::tempdir().unwrap() };
    let run = load(&directory, evo.lake().to_str().unwrap(), &[]).exits(0);
    assert_eq!(counts(&run.json()["entities"][0]), lines);
    assert_eq!(rows(&directory), from_container);
}

#[test]
fn a_refused_credential_and_a_missing_container_are_one_clear_line_each() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "10"]).exits(0);
    let azurite = Azurite::with_lake_of(&evo);
    let endpoint = ("AZURE_STORAGE_ENDPOINT", azurite.endpoint.as_str());
    let account = ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT);
    let wrong_key = KEY.replace("Eby8", "Abc8");
    let wrong =
        load(&evo, "az://datalake/some/prefix", &[account, ("AZURE_STORAGE_ACCOUNT_KEY", &wrong_key), endpoint]);
    let expired =
        load(&evo, "az://datalake/some/prefix", &[account, ("AZURE_STORAGE_SAS_TOKEN", &azurite.sas[1]), endpoint]);
    for (run, says) in [(wrong, "access to the lake is denied"), (expired, "signature expired at 20")] {
        let run = run.exits(5).says(says).says("cannot list az://datalake/some/prefix");
        assert!(!run.stderr.contains(&wrong_key) && !run.stderr.contains(&azurite.sas[1]), "{}", run.stderr);
    }
    let missing = load(&evo, "az://no-such-container", &[account, ("AZURE_STORAGE_ACCOUNT_KEY", KEY), endpoint]);
    missing.exits(4).says("az://no-such-container").says("does not exist");
    assert_eq!(evo.db.one("select count(*) from evo.objects"), "0");
}

/// A lake that a scenario writes to and loads from, whatever it is behind.
struct AnyLake {
    evo: Evo,
    azurite: Option<Azurite>,
}

impl AnyLake {
    fn put(&mut self, path: &str, bytes: &[u8]) {
        match &mut self.azurite {
            None => {
                // The time of change is part of a file's identity, and clocks are coarse.
                std::thread::sleep(Duration::from_millis(20));
                write(&self.evo.lake(), path, bytes);
            }
            Some(azurite) => {
                let folder = tempfile::tempdir().unwrap();
                write(folder.path(), path, bytes);
                azurite.upload_lake(folder.path());
            }
        }
    }

    /// Loads, and returns what is there afterwards.
    fn load(&self, args: &[&str]) -> String {
        self.run(&["load", "sales"], args)
    }

    /// Runs a command, and returns what is there afterwards: exit code, counts, rows, ledger, rejects.
    fn run(&self, subcommand: &[&str], args: &[&str]) -> String {
        let (lake, connection) = match &self.azurite {
            None => (self.evo.lake().to_str().unwrap().to_owned(), String::new()),
            Some(azurite) => ("az://datalake/some/prefix".to_owned(), azurite.connection_string()),
        };
        let mut command = crate::support::binary(self.evo.dir.path());
        command.args(subcommand).args(["--output", "json", "--database-url", &self.evo.db.url, "--lake", &lake]);
        let output = command.args(args).env("AZURE_STORAGE_CONNECTION_STRING", connection).output().unwrap();
        let run: Run = output.into();
        let summary = run.json();
        let lines = match &summary["entities"][0] {
            entity if entity["lines"].is_null() => "nothing".to_owned(),
            entity => counts(entity),
        };
        let tables = [
            "select sale_id, raw_data, run_id, _source_file, _source_line from stg_evo.sales_raw order by 1",
            "select path, state, size_bytes, run_id, ingestion_date, lines_count, inserted_count, updated_count, unchanged_count, \
                superseded_count, rejected_count, coalesce(reason, '') from evo.objects order by path, object_id",
            "select path, line_number, line from evo.rejects order by 1, 2",
        ];
        let tables = tables.map(|query| format!("{:?}", self.evo.db.sql(query)));
        format!("{args:?} exits {} with {lines}\n{}", run.code, tables.join("\n"))
    }
}

/// What an operator does with a lake in a week, and what comes out of each step.
fn week(lake: &mut AnyLake) -> Vec<String> {
    let lines = |lines: &[&str]| gz(lines.join("\n").as_bytes());
    let (monday, tuesday, wednesday) = ("20260105T020000Z", "20260106T020000Z", "20260107T020000Z");
    let at = |run: &'static str, date: &'static str, file: &'static str| {
        crate::support::Object { date, ..object("sales", run, file) }.path()
    };
    let mut steps = Vec::new();
    let first = at(monday, "2026-01-05", "2025-12_part-00001");
    lake.put(&first, &lines(&[r#"{"idSale": 1, "v": 1}"#, r#"{"idSale": 2, "v": 1}"#, "not json"]));
    lake.put(&at(monday, "2026-01-05", "_manifest").replace(".jsonl.gz", ".json"), b"{}");
    steps.push(lake.load(&["--dry-run"]));
    steps.push(lake.load(&["--max-rejects", "50%"]));
    steps.push(lake.load(&[]));
    // The same path with another content is another object.
    lake.put(&first, &lines(&[r#"{"idSale": 1, "v": 2}"#, r#"{"idSale": 2, "v": 1}"#]));
    steps.push(lake.load(&[]));
    let mut broken = lines(&[r#"{"idSale": 3}"#]);
    broken.truncate(broken.len() - 4);
    lake.put(&at(tuesday, "2026-01-06", "a"), &broken);
    lake.put(&at(tuesday, "2026-01-06", "b"), &lines(&[r#"{"idSale": 4}"#]));
    lake.put(&at(tuesday, "2026-01-06", "empty"), b"");
    lake.put(&at(wednesday, "2026-01-07", "a"), &lines(&[r#"{"idSale": 5}"#, r#"{"idSale": 1, "v": 3}"#]));
    steps.push(lake.load(&["--run-id", "20260106"]).lines().next().unwrap_or_default().to_owned());
    steps.push(lake.load(&["--since", "2026-01-07"]));
    steps.push(lake.load(&["--run-id", tuesday]));
    steps.push(lake.load(&[]));
    // What else users have: zstd, one JSON array, plain lines; and a line that is corrected afterwards.
    let thursday = at("20260108T020000Z", "2026-01-08", "x");
    let zstd = zstd::stream::encode_all(&br#"{"idSale": 6}"#[..], 3).unwrap();
    lake.put(&thursday.replace("x.jsonl.gz", "a.jsonl.zst"), &zstd);
    lake.put(&thursday.replace("x.jsonl.gz", "b.json"), br#"[{"idSale": 7}, {"idSale": 8}]"#);
    lake.put(&thursday.replace("x.jsonl.gz", "c.jsonl"), b"{\"idSale\": 9}\n{\"idSale\": 10");
    steps.push(lake.load(&["--max-rejects", "1", "--run-id", "20260108T020000Z"]));
    steps.push(lake.run(&["rejects", "replay", "sales"], &[]));
    let id = lake.evo.db.one("select reject_id from evo.rejects where resolved_at is null");
    let corrected = lake.evo.dir.path().join("corrected.jsonl");
    std::fs::write(&corrected, format!(r#"{{"reject_id": {id}, "line": "{{\"idSale\": 10}}"}}"#)).unwrap();
    steps.push(lake.run(&["rejects", "replay", "sales", "--file", corrected.to_str().unwrap()], &[]));
    // The newest run has no manifest while an older one has: left alone, unless it is asked for; then
    // everything again.
    let friday = at("20260109T020000Z", "2026-01-09", "a");
    lake.put(&friday, &lines(&[r#"{"idSale": 11}"#]));
    steps.push(lake.load(&[]));
    steps.push(lake.load(&["--run-id", "20260109T020000Z"]));
    steps.push(lake.load(&["--all-runs"]));
    steps
}

#[test]
fn a_directory_and_a_container_give_the_same_outcomes() {
    let directory = week(&mut AnyLake { evo: Evo::new(), azurite: None });
    let container = week(&mut AnyLake { evo: Evo::new(), azurite: Some(Azurite::start()) });
    for (one, other) in directory.iter().zip(&container) {
        assert_eq!(one, other);
    }
    let exits =
        |step: usize, code: i32| assert!(directory[step].contains(&format!("exits {code} ")), "{}", directory[step]);
    for (step, code) in [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 4),
        (5, 0),
        (6, 6),
        // What was set aside keeps the exit code until it is replaced or acknowledged.
        (7, 6),
        (8, 0),
        (9, 6),
        (10, 0),
        (11, 6),
        (12, 0),
        (13, 6),
    ] {
        exits(step, code);
    }
    assert_eq!(directory.len(), container.len());
}
