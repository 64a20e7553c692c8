//! Contracts in a transform: in each mode, for versions, and for what is loaded meanwhile.

use std::io::BufRead;
use std::path::Path;
use std::process::Stdio;

use super::{FIRST, Own};
use crate::support::{Database, Evo, Run, write};
use crate::toy::copy;

/// A run without the field `room`.
const BARE: &str = r#", "at": "2026-01-09T18:30:00", "seats": 2"#;

#[test]
fn a_field_that_is_missing_stops_a_transform_in_each_mode() {
    let own = Own::new();
    own.declare("missing_field = \"fail\"\n");
    own.put("1", 1..301, FIRST);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.put("2", 301..331, BARE);
    own.run(&["load", "visits", "--accept", "contract"]).exits(0);
    for mode in [&[][..], &["--full-refresh"], &["--in-place"]] {
        own.run(&[&["transform", "visits"], mode].concat())
            .exits(6)
            .says("1 change of the documents breaks the contract; nothing was transformed")
            .says("room is in 0 of 30 documents; before, 100 % had it");
    }
    assert_eq!(own.one("select count(*) from core.visits"), "300");
    own.run(&["transform", "visits", "--full-refresh", "--accept", "contract"]).exits(0).says("contract: room is in 0");
    // What was transformed is not held against the contract again.
    for mode in ["--full-refresh", "--in-place"] {
        own.run(&["transform", "visits", mode]).exits(0);
    }
    // Nor is it diluted by it: a twentieth of all is most of what is pending.
    own.declare("new_field = \"fail\"\nshare = \"50%\"\n");
    own.put("3", 401..431, &format!(r#"{FIRST}, "vip": true"#));
    own.run(&["load", "visits", "--accept", "contract"]).exits(0);
    for mode in ["--full-refresh", "--in-place"] {
        own.run(&["transform", "visits", mode]).exits(6).says("new field vip (boolean) in 30 of 30 documents");
    }
}

#[test]
fn of_a_document_with_versions_only_the_new_ones_are_looked_at() {
    let evo = Evo::with(Database::bare());
    let own = evo.dir.path().join("own");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/versions"), &own);
    let declaration = own.join("models/rates/entity.toml");
    let text = std::fs::read_to_string(&declaration).unwrap();
    std::fs::write(&declaration, format!("{text}\n[contract]\nmissing_field = \"fail\"\n")).unwrap();
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    run(&["migrate"]).exits(0);
    let put = |run: &str, more: &str| {
        let line = |id: u32| format!(r#"{{"id": {id}, "changed": "2026-01-0{run}T10:00:00", "rate": {id}{more}}}"#);
        let lines: Vec<String> = (1..31).map(line).collect();
        let path = format!("bronze/evo/entity=rates/ingestion_date=2026-01-0{run}/run_id={run}/a.jsonl");
        write(&evo.lake(), &path, lines.join("\n").as_bytes());
    };
    put("1", r#", "note": {"by": "x"}"#);
    run(&["load", "rates"]).exits(0);
    run(&["transform", "rates"]).exits(0);
    put("2", "");
    run(&["load", "rates", "--accept", "contract"]).exits(0);
    run(&["transform", "rates"]).exits(6).says("note is in 0 of 30 documents; before, 100 % had it");
    run(&["transform", "rates", "--accept", "contract"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from core.rates"), "60");
}

#[test]
fn what_is_loaded_after_the_contract_was_checked_is_checked_as_well() {
    for mode in [&[][..], &["--full-refresh"], &["--in-place"]] {
        let own = Own::new();
        own.declare("new_field = \"fail\"\n");
        own.put("1", 1..31, FIRST);
        own.run(&["load", "visits"]).exits(0);
        own.run(&["transform", "visits"]).exits(0);
        own.put("2", 31..61, FIRST);
        own.run(&["load", "visits"]).exits(0);
        own.put("3", 61..91, &format!(r#"{FIRST}, "vip": true"#));
        let transform = [&["transform", "visits", "--extend", "own"], mode].concat();
        let mut slow = own.0.command(&transform);
        slow.env("EVO_FAILPOINTS", "transform.after_contract=sleep(4000)@1");
        let mut slow = slow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = std::io::BufReader::new(slow.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("failpoint transform.after_contract") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended before");
        }
        own.run(&["load", "visits", "--accept", "contract"]).exits(0);
        let rest = std::io::read_to_string(stderr).unwrap();
        let ended = Run { stderr: rest, ..Run::from(slow.wait_with_output().unwrap()) };
        ended.exits(6).says("new field vip (boolean) in 30 of 60 documents");
        assert_eq!(own.one("select count(*) from core.visits"), "30", "{mode:?}");
        assert_eq!(own.one("select count(*) from evo.model_batches"), "1", "{mode:?}");
    }
}
