//! The lake on Azure Blob, against Azurite, the official emulator.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Evo, Run, counts};

const ACCOUNT: &str = "devstoreaccount1";
/// The emulator's well-known key, from its documentation.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Where `scripts/setup --tests` installs it.
fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../azurite")
}

/// An emulator of its own for one test, killed at the end.
struct Azurite {
    process: Child,
    endpoint: String,
    sas: Vec<String>,
}

impl Azurite {
    /// With the test's lake in the container `datalake`, below `some/prefix`.
    fn with_lake_of(evo: &Evo) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = home().join("node_modules/.bin/azurite-blob");
        assert!(program.exists(), "{} is missing: run scripts/setup --tests", program.display());
        let process = Command::new(program)
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--location"])
            .arg(evo.dir.path().join("azurite"))
            .args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        let mut azurite = Self { process, endpoint, sas: Vec::new() };
        for _ in 0..300 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let below = evo.dir.path().join("container/some");
        std::fs::create_dir_all(&below).unwrap();
        std::os::unix::fs::symlink(evo.lake(), below.join("prefix")).unwrap();
        let copied = Command::new("cp")
            .args(["-rL"])
            .arg(evo.dir.path().join("container"))
            .arg(evo.dir.path().join("upload"))
            .status();
        assert!(copied.unwrap().success());
        let output = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/azurite.mjs"))
            .args([&azurite.connection_string(), "datalake"])
            .arg(evo.dir.path().join("upload"))
            .env("AZURITE_HOME", home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        azurite.sas = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        azurite
    }

    fn connection_string(&self) -> String {
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
    for run in [wrong, expired] {
        let run = run.exits(5).says("access").says("az://datalake");
        assert!(!run.stderr.contains(&wrong_key) && !run.stderr.contains(&azurite.sas[1]), "{}", run.stderr);
    }
    let missing = load(&evo, "az://no-such-container", &[account, ("AZURE_STORAGE_ACCOUNT_KEY", KEY), endpoint]);
    missing.exits(4).says("az://no-such-container").says("does not exist");
    assert_eq!(evo.db.one("select count(*) from evo.objects"), "0");
}
