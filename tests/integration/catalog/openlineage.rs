//! Executions as OpenLineage events, read by the project's own Python client.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::warehouse;

/// Where `scripts/setup --tests` installs the client.
fn client() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../openlineage")
}

#[test]
fn every_execution_has_events_that_the_official_client_reads() {
    let evo = warehouse();
    assert!(client().join("openlineage").exists(), "run scripts/setup --tests");
    evo.run(&["catalog", "--out", "site"]).exits(0);
    let path = evo.dir.path().join("site/openlineage.ndjson");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/catalog/read_events.py");
    let read = |path: &std::path::Path| {
        Command::new("python3").env("PYTHONPATH", client()).arg(script).arg(path).output().unwrap()
    };
    let output = read(&path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let runs: i64 = evo.db.one("select count(*) from evo.runs").parse().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), (2 * runs).to_string(), "a start and an end each");

    let text = std::fs::read_to_string(&path).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let find = |kind: &str, command: &str| {
        let job = |event: &&Value| event["job"]["name"].as_str().unwrap().split(' ').next() == Some(command);
        events.iter().filter(|event| event["eventType"] == kind).find(job).unwrap_or_else(|| panic!("{kind} {command}"))
    };
    let load = find("COMPLETE", "load");
    let database = evo.db.one("select current_database()");
    let staging = format!("{database}.stg_evo.sales_raw");
    let output = load["outputs"].as_array().unwrap().iter().find(|set| set["name"] == staging.as_str()).unwrap();
    let written = evo.db.one("select sum(inserted_count + updated_count) from evo.batches where entity = 'sales'");
    assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"].to_string(), written);
    assert!(load["inputs"].as_array().unwrap().iter().any(|set| {
        set["namespace"] == "file" && set["name"].as_str().unwrap().ends_with("/bronze/evo/entity=sales")
    }));
    let transform = find("COMPLETE", "transform");
    let core = format!("{database}.core.evo_sales");
    let output = transform["outputs"].as_array().unwrap().iter().find(|set| set["name"] == core.as_str()).unwrap();
    let branch = &output["facets"]["columnLineage"]["fields"]["branch_id"]["inputFields"][0];
    assert_eq!((&branch["name"], &branch["field"]), (&staging.as_str().into(), &"raw_data".into()));
    assert_eq!(branch["transformations"][0]["description"], "idBranch as bigint");
    assert_eq!(
        find("FAIL", "<script>alert(1)</script>")["run"]["facets"]["errorMessage"]["programmingLanguage"],
        "RUST"
    );

    // The client finds what is wrong.
    let wrong = evo.dir.path().join("wrong.ndjson");
    std::fs::write(&wrong, text.replacen("\"runId\":\"", "\"runId\":\"x", 1)).unwrap();
    assert!(!read(&wrong).status.success());
}
