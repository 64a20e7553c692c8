//! What a manifest lists, against what the lake shows: no contradiction passes without a word.

use sha2::{Digest, Sha256};

use crate::support::{Evo, gz, object, write};

const RUN: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";

fn entry(file: &str, bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!(r#"{{"path": "{file}", "bytes": {}, "sha256": "{digest}"}}"#, bytes.len())
}

fn manifest(evo: &Evo, counts: &str, entries: &[String]) {
    manifest_of(evo, RUN, &format!("{{{counts}, \"objects\": [{}]}}", entries.join(", ")));
}

fn manifest_of(evo: &Evo, run: &str, text: &str) {
    let path = object("sales", run, "_manifest").path().replace(".jsonl.gz", ".json");
    write(&evo.lake(), &path, text.as_bytes());
}

#[test]
fn a_run_whose_manifest_lists_an_absent_object_is_not_finished_although_its_numbers_are_right() {
    let evo = Evo::new();
    let a = gz(b"{\"idSale\": 1}\n{\"idSale\": 2}");
    write(&evo.lake(), &object("sales", RUN, "a").path(), &a);
    let lost = entry("lost.jsonl.gz", b"");
    manifest(&evo, r#""total_records": 2, "total_parts": 1"#, &[entry("a.jsonl.gz", &a), lost.clone()]);
    object("sales", RUN_2, "b").lines(&evo.lake(), &[r#"{"idSale": 3}"#]);
    manifest_of(&evo, RUN_2, r#"{"total_records": 1}"#);
    for args in [&["load", "sales", "--dry-run"][..], &["load", "sales"]] {
        evo.run(args).exits(0).says("lost.jsonl.gz, which its manifest lists, is not there");
    }
    assert_eq!(evo.db.one("select string_agg(sale_id::text, ' ') from stg_evo.sales_raw"), "3", "newer runs load");
    // It was there once, and vanished before it was read: that is an error as long as the manifest wants it.
    let there = evo.lake().join(object("sales", RUN, "lost").path());
    std::fs::write(&there, b"").unwrap();
    evo.run(&["load", "sales", "--since", "2027-01-01"]).exits(0);
    std::fs::remove_file(&there).unwrap();
    evo.run(&["load", "sales", "--run-id", RUN]).says("lost.jsonl.gz").exits(4);
    evo.run(&["load", "sales"]).exits(6).says("is not complete: 1 object vanished");
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "3");
    manifest(&evo, r#""total_records": 2, "total_parts": 1"#, &[entry("a.jsonl.gz", &a)]);
    evo.run(&["load", "sales"]).exits(0);
}

#[test]
fn entries_that_no_ledger_can_hold_cost_their_check_and_not_the_load() {
    let evo = Evo::new();
    let a = gz(b"{\"idSale\": 1}");
    write(&evo.lake(), &object("sales", RUN, "a").path(), &a);
    let entries = [
        entry("a.jsonl.gz", &a),
        entry("elsewhere/a.jsonl.gz", &a),
        entry("a.jsonl.gz", b"another one"),
        entry("zero\\u0000", b""),
        entry(&"x".repeat(5_000), b""),
    ];
    manifest(&evo, r#""total_records": 1, "total_parts": 1"#, &entries);
    evo.run(&["load", "sales"]).exits(0).says("path, bytes or sha256 of 3 of its objects cannot be understood");
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "1");
    assert_eq!(evo.db.one("select string_agg(path, ' ') from evo.manifest_objects"), object("sales", RUN, "a").path());
}

#[test]
fn a_manifest_may_be_compressed_by_a_tool_that_writes_long_comments() {
    use std::io::Write;
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#]);
    let mut encoder =
        flate2::GzBuilder::new().comment("c".repeat(70_000)).write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(br#"{"total_records": 5}"#).unwrap();
    let path = object("sales", RUN, "_manifest").path().replace(".jsonl.gz", ".json.gz");
    write(&evo.lake(), &path, &encoder.finish().unwrap());
    evo.run(&["load", "sales"]).exits(6).says("its manifest says 5");
}
