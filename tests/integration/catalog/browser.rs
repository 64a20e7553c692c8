//! The pages in a real browser: Chromium, driven by `browse.mjs` with puppeteer-core and axe-core.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{HOSTILE, warehouse};

/// Where `scripts/setup --tests` installs the driver, axe and a validator of JSON schemas.
fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../browser")
}

/// Runs a script of this folder with the installed modules. Returns what it printed.
fn node(script: &str, job: &Value) -> Value {
    let modules = home().join("node_modules");
    assert!(modules.join("axe-core").exists(), "{} is missing: run scripts/setup --tests", modules.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/catalog").join(script);
    let output = Command::new("node").arg(script).arg(modules).arg(job.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// Where screenshots stay, to be looked at.
fn screenshots() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("catalog");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn pages_work_from_a_folder_with_the_keyboard_on_a_phone_in_the_dark_and_in_print() {
    let evo = warehouse();
    evo.run(&["catalog", "--out", "site"]).exits(0);
    let found = node(
        "browse.mjs",
        &json!({
            "site": evo.dir.path().join("site"), "screenshots": screenshots(),
            "searches": [
                ["evo_receivables", "core.evo_receivables"],
                ["amount_paid", "core.evo_receivables.amount_paid"],
                ["receivables[].ammountPaid", "core.evo_receivables.amount_paid"],
                ["branch rev", "reports.revenue"],
                [HOSTILE[0], HOSTILE[0]],
            ],
        }),
    );
    let problems = found["problems"].as_array().unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(found["pages"].as_u64().unwrap() > 8 && found["focused"].as_u64().unwrap() > 20, "{found}");
}

#[test]
fn the_document_for_programs_is_valid_for_its_schema() {
    let evo = warehouse();
    evo.run(&["catalog", "--out", "site"]).exits(0);
    evo.run(&["catalog", "--out", "quick", "--quick"]).exits(0);
    for site in ["site", "quick"] {
        let site = evo.dir.path().join(site);
        let job = json!({ "schema": site.join("catalog.schema.json"), "documents": [site.join("catalog.json")] });
        assert_eq!(node("validate.mjs", &job)["errors"], json!([]));
    }
    // The validator finds what is wrong.
    let site = evo.dir.path().join("site");
    let text = std::fs::read_to_string(site.join("catalog.json")).unwrap();
    std::fs::write(site.join("wrong.json"), text.replacen("\"is_not_null\":true", "\"is_not_null\":1", 1)).unwrap();
    let job = json!({ "schema": site.join("catalog.schema.json"), "documents": [site.join("wrong.json")] });
    assert_ne!(node("validate.mjs", &job)["errors"], json!([]));
}
