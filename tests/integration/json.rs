//! What `--output json` prints: the shape of every document, and the page that describes it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Api, Evo, Run, cluster};

/// Fields whose content is somebody else's: the arguments and the summary of a job, what a batch was timed, rows.
const OPAQUE: [&str; 4] = ["arguments", "summary", "timings", "rows[]"];

/// Commands that only read, or have nothing to write, the name of the snapshot, and the heading in docs/json.md.
const COMMANDS: [(&[&str], &str); 22] = [
    (&["status"], "status"),
    (&["runs"], "runs"),
    (&["runs", "last"], "runs_one"),
    (&["catalog", "--quick"], "catalog"),
    (&["check", "sales"], "check"),
    (&["objects", "list"], "objects_list"),
    (&["objects", "lakes"], "objects_lakes"),
    (&["rejects", "list"], "rejects_list"),
    (&["rejects", "show", "1"], "rejects_show"),
    (&["load", "all", "--dry-run"], "load_dry_run"),
    (&["transform", "sales", "--dry-run"], "transform_dry_run"),
    (&["optimize-storage", "sales"], "optimize_storage"),
    (&["migrate", "--dry-run"], "migrate"),
    (&["config", "show"], "config_show"),
    (&["new", "visits", "--from", "sample.csv", "--dry-run"], "new"),
    (&["drift", "sales"], "drift"),
    (&["preview", "evo_sales"], "preview"),
    (&["reset", "entries", "--yes"], "reset"),
    (&["test"], "test"),
    (&["db", "status"], "db_status"),
    (&["runs", "--failed"], "runs"),
    (&["verify", "--deep", "--dry-run"], "verify_dry_run"),
];

type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Adds the fields of a value, by their path, with the types that they have.
fn add(value: &Value, path: &str, shape: &mut Shape) {
    let name = path.rsplit('.').next().unwrap_or_default();
    let word = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    if !path.is_empty() && !path.ends_with("[]") {
        shape.entry(path.to_owned()).or_default().insert(word);
    }
    match value {
        Value::Object(fields) if !OPAQUE.contains(&name) || path.contains("measures") => {
            let path = if path.is_empty() { String::new() } else { format!("{path}.") };
            fields.iter().for_each(|(name, value)| add(value, &format!("{path}{name}"), shape));
        }
        Value::Array(list) => list.iter().for_each(|value| add(value, &format!("{path}[]"), shape)),
        _ => {}
    }
}

fn text(shape: &Shape) -> String {
    let line = |(path, words): (&String, &BTreeSet<&str>)| {
        format!("{path}: {}\n", words.iter().copied().collect::<Vec<_>>().join(" or "))
    };
    shape.iter().map(line).collect()
}

/// Adds what a verification prints when something is wrong, before, during and after a repair.
fn add_verify(evo: &Evo, shape: &mut Shape) {
    evo.run(&["transform", "all"]).exits(0);
    evo.db.sql("update core.evo_branches set branch_name = 'x'");
    add(&evo.run(&["verify", "--deep", "--output", "json"]).exits(6).json(), "", shape);
    evo.db.sql(
        "delete from stg_evo.sales_raw where sale_id = (select min(sale_id) from stg_evo.sales_raw);
         update core.evo_sales set branch_id = -1 where sale_id = (select max(sale_id) from core.evo_sales)",
    );
    add(&evo.run(&["verify", "--deep", "--output", "json"]).exits(6).json(), "", shape);
    add(&evo.run(&["verify", "--deep", "--repair", "--output", "json"]).json(), "", shape);
    add(&evo.json(&["verify"]), "", shape);
}

#[test]
fn every_document_has_a_version_and_the_shape_that_its_page_describes() {
    if cluster::is_left_out("verify reads more rows there, and finds others") {
        return;
    }
    let evo = Evo::new();
    evo.run(&["generate", "sales", "members", "--records", "120", "--part-records", "40", "--broken", "3%"]).exits(0);
    std::fs::write(evo.lake().join("broken.txt"), "").unwrap();
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    // One that fails, with a retry, and one that still runs.
    evo.run(&["load", "sales", "--all-runs", "--max-rejects", "0"]).exits(6);
    evo.db.sql("update evo.objects set state = 'quarantined', reason = 'no gzip' where object_id = (select max(object_id) from evo.objects)");
    evo.db.sql(
        "update evo.runs set measures = jsonb_set(measures, '{retries}', '[{\"kind\": \"DatabaseBusy\", \"count\": 1, \"waited_ms\": 20.0}]')
         where command = 'load';
         insert into evo.runs (execution_id, command, entities, state, evo_version, seen_at, measures)
         select '00000000-0000-7000-8000-000000000000', 'load', '{sales}', 'running', '0', now() + interval '1 hour',
                jsonb_set(measures, '{running}', '[{\"phase\": \"sales: loading\", \"done\": 1, \"total\": 2, \"unit\": \"bytes\", \"elapsed_ms\": 10, \"left_ms\": null}]')
         from evo.runs where command = 'load' order by started_at limit 1",
    );
    std::fs::write(evo.dir.path().join("sample.csv"), "id,at,a\n1,18/03/2024,7\n2,,8\n").unwrap();
    // Otherwise it would depend on autovacuum whether these times are known.
    evo.db.sql("vacuum (analyze)");
    let mut shapes: BTreeMap<&'static str, Shape> = BTreeMap::new();
    for command in COMMANDS {
        add_document(&evo, command, &mut shapes);
    }
    // Of one execution: jobs with batches, with checks, and with an error.
    for row in evo.db.sql("select execution_id from evo.runs where state <> 'running'") {
        add(&evo.json(&["runs", &row[0]]), "", shapes.entry("runs_one").or_default());
    }
    add_verify(&evo, shapes.entry("verify").or_default());
    assert_described(&shapes);
}

/// Asserts that the shapes are those of the snapshots, and that docs/json.md describes each field.
fn assert_described(shapes: &BTreeMap<&str, Shape>) {
    for (name, shape) in shapes {
        insta::assert_snapshot!(format!("json_{name}"), text(shape));
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let mut missing = Vec::new();
    for (name, shape) in shapes {
        let section = page.split(&format!("<!-- {name} -->")).nth(1).unwrap_or_else(|| panic!("no section for {name}"));
        let section = section.split("<!-- ").next().unwrap();
        let fields: BTreeSet<&str> = shape.keys().filter_map(|path| path.rsplit(['.', ']']).next()).collect();
        let common = ["json_version", "entity"];
        let unknown = fields.into_iter().filter(|f| !common.contains(f) && !section.contains(&format!("`{f}`")));
        missing.extend(unknown.map(|field| format!("{name}: {field}")));
    }
    assert!(missing.is_empty(), "docs/json.md does not describe:\n{}", missing.join("\n"));
}

/// Runs a command and adds the shape of its document.
fn add_document(evo: &Evo, (args, name): (&[&str], &'static str), shapes: &mut BTreeMap<&'static str, Shape>) {
    let mut command = evo.command(&[args, &["--output", "json"]].concat());
    // For the imitation of the vendor's API.
    let run = Run::from(command.env("EVO_USERNAME", "gym").env("EVO_PASSWORD", "secret").output().unwrap());
    assert!([0, 6].contains(&run.code), "{args:?}: {}", run.stderr);
    let document = run.json();
    assert_eq!(document["json_version"], 1, "{args:?}");
    assert_eq!(document.as_object().unwrap().keys().next().unwrap(), "json_version", "{args:?}: it comes first");
    // Settings come and go; each has the same fields.
    let document = match name {
        "config_show" => document.as_object().unwrap().values().filter(|v| v.is_object()).cloned().collect(),
        _ => document,
    };
    add(&document, "", shapes.entry(name).or_default());
}

#[test]
fn jobs_print_documents_of_the_shapes_that_the_page_describes() {
    let (evo, mut shapes) = (Evo::new(), BTreeMap::new());
    let lines = ["generate", "sales", "members", "--records", "120", "--part-records", "40", "--broken", "3%"];
    let jobs: [(&[&str], &str); 9] = [
        (&lines, "generate"),
        (&["config", "check"], "config_check"),
        (&["load", "all", "--max-rejects", "100%"], "load"),
        (&["rejects", "replay", "sales"], "rejects_replay"),
        (&["transform", "all"], "transform"),
        (&["transform", "sales", "--full-refresh"], "transform"),
        (&["optimize-storage", "prospects", "--vacuum", "--reindex"], "optimize_storage_done"),
        (&["verify", "sales", "--repair"], "verify"),
        (&["check"], "check"),
    ];
    for job in jobs {
        add_document(&evo, job, &mut shapes);
    }
    // Their snapshots are those of the commands that only read.
    shapes.retain(|name, _| !["verify", "check"].contains(name));
    let (world, api) = api();
    add_document(&world, (&["extract", "sales", "--from", "2025-12-30", "--to", "2025-12-31"], "extract"), &mut shapes);
    drop(api);
    assert_described(&shapes);
}

/// An imitation of the vendor's API, and evo with its address.
fn api() -> (Evo, Api) {
    let evo = Evo::new();
    let api =
        Api::serve(evo.dir.path(), &["--records", "members=40,sales=90,entries=40,prospects=10", "--limit", "none"]);
    let settings = format!("[source.evo]\nurl = \"{}\"\nlimit = \"none\"\n", api.url);
    std::fs::write(evo.dir.path().join("evo.toml"), settings).unwrap();
    (evo, api)
}
