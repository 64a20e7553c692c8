//! A name is the same from the listing through ledger and rejects to the request, whatever it is made of, and
//! one that cannot be used never hides the others.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::azure::Azurite;
use crate::support::{BlobServer, Evo, Run, binary, gz, object, write};

const RUN: &str = "20260110T020501Z";
/// Every kind of trouble that a name can make on its way through paths, web addresses, XML, SQL and globs.
const ODD: [&str; 31] = [
    "março",
    "MARÇO",
    "part-a",
    "Part-A",
    "c\u{327}\u{301}",
    "p%20q",
    "p q",
    "%2F",
    "a%2Fb",
    "100%",
    "e#f",
    "[s]{t}",
    "what?x=1&y=2",
    "~tilde~",
    "it's \"quoted\"",
    "back\\slash",
    "a+b",
    "a&amp;b<c>",
    " leading",
    "trailing ",
    "trailing.",
    "semi;colon,comma=equals:at@",
    "`$(rm)`|*^",
    "日本語 🏋",
    "null",
    "per%cent%",
    "%25",
    "tab\there",
    "line\nfeed",
    "carriage\rreturn",
    "x\u{200b}\u{202e}y",
];

/// A lake behind one of the interfaces.
enum Behind<'a> {
    Folder,
    Server(&'a BlobServer),
    Emulator(&'a Azurite),
}

fn evo(evo: &Evo, behind: &Behind<'_>, args: &[&str]) -> Run {
    let mut command: Command = binary(evo.dir.path());
    command.args(args).args(["--database-url", &evo.db.url, "--output", "json"]);
    match behind {
        Behind::Folder => command.args(["--lake", evo.lake().to_str().unwrap()]),
        Behind::Server(server) => command
            .args(["--lake", "az://datalake/pre%fix ç"])
            .env("AZURE_STORAGE_ENDPOINT", server.endpoint())
            .env("AZURE_STORAGE_ACCOUNT_NAME", "acme")
            .env("AZURE_STORAGE_ACCOUNT_KEY", crate::lake::KEY),
        Behind::Emulator(azurite) => command
            .args(["--lake", "az://datalake/some/prefix"])
            .env("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string()),
    };
    command.output().unwrap().into()
}

/// Every name loads once, is the same text everywhere, and is found again when its rejects are replayed.
fn names_stay(test: &Evo, behind: &Behind<'_>, paths: &BTreeSet<String>) {
    let first = evo(test, behind, &["load", "sales", "--max-rejects", "100%"]).exits(0).json();
    assert_eq!(first["entities"][0]["objects"], paths.len());
    let column = |sql: &str| -> BTreeSet<String> { test.db.sql(sql).into_iter().map(|row| row[0].clone()).collect() };
    assert_eq!(&column("select path from evo.objects where state = 'loaded'"), paths);
    assert_eq!(&column("select _source_file from stg_evo.sales_raw"), paths);
    assert_eq!(&column("select path from evo.rejects"), paths);
    assert_eq!(evo(test, behind, &["load", "sales"]).exits(0).json()["entities"][0]["objects"], 0);

    let file = test.dir.path().join("rejects.jsonl");
    let name = file.to_str().unwrap();
    evo(test, behind, &["rejects", "export", "sales", "--to", name]).exits(0);
    let corrected: Vec<String> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .inspect(|reject| assert!(paths.contains(reject["path"].as_str().unwrap())))
        .map(|reject| {
            let id = reject["reject_id"].as_i64().unwrap();
            serde_json::json!({ "reject_id": id, "line": format!("{{\"idSale\": {}}}", 1_000 + id) }).to_string()
        })
        .collect();
    std::fs::write(&file, corrected.join("\n")).unwrap();
    evo(test, behind, &["rejects", "replay", "sales", "--file", name]).exits(0);
    assert_eq!(test.db.one("select count(*) from stg_evo.sales_raw"), (paths.len() * 2).to_string());
}

/// An object for each name: one in the usual run, and one in a run that is called so.
fn paths(names: &[String]) -> BTreeSet<String> {
    let in_run = |run: &str, file: &str| object("sales", run, file).path();
    names.iter().flat_map(|name| [in_run(RUN, name), in_run(&format!("2026{name}"), "part")]).collect()
}

fn content(i: usize) -> Vec<u8> {
    gz(format!("{{\"idSale\": {i}}}\nno document").as_bytes())
}

fn in_folder(lake: &Path, paths: &BTreeSet<String>) {
    paths.iter().enumerate().for_each(|(i, path)| write(lake, path, &content(i)));
}

fn odd() -> Vec<String> {
    ODD.map(str::to_owned).to_vec()
}

#[test]
fn a_name_is_the_same_from_the_listing_to_the_request_in_a_folder() {
    let (test, paths) = (Evo::new(), paths(&odd()));
    in_folder(&test.lake(), &paths);
    names_stay(&test, &Behind::Folder, &paths);
}

#[test]
fn a_name_is_the_same_from_the_listing_to_the_request_in_a_blob_service() {
    let (test, server) = (Evo::new(), BlobServer::start());
    let names: Vec<String> = odd().into_iter().chain(["a//b", "\u{1}\u{fffe}", "dir//x"].map(str::to_owned)).collect();
    let paths = paths(&names);
    for (i, path) in paths.iter().enumerate() {
        server.put(&format!("pre%fix ç/{path}"), &content(i));
    }
    names_stay(&test, &Behind::Server(&server), &paths);
}

#[test]
fn a_name_is_the_same_from_the_listing_to_the_request_in_the_emulator() {
    // The emulator's own listing does not escape controls, and it reads a backslash as a slash.
    let names: Vec<String> = odd().into_iter().filter(|name| !name.contains(['\t', '\n', '\r', '\\'])).collect();
    let (test, paths) = (Evo::new(), paths(&names));
    in_folder(&test.lake(), &paths);
    let azurite = Azurite::with_lake_of(&test);
    names_stay(&test, &Behind::Emulator(&azurite), &paths);
}

#[test]
fn any_name_is_the_same_from_the_listing_to_the_request() {
    let name = proptest::collection::vec(any::<char>(), 1..40).prop_map(|chars| {
        let name: String = chars.into_iter().filter(|c| !matches!(c, '\0' | '/')).collect();
        // Hidden names are not data, and a name of a file has at most 255 bytes.
        format!("n{}", name.chars().take(40).collect::<String>())
    });
    let mut runner = TestRunner::new(Config { cases: 3, ..Config::default() });
    runner
        .run(&proptest::collection::vec(name, 12), |names| {
            let paths = paths(&names);
            let (folder, server) = (Evo::new(), BlobServer::start());
            in_folder(&folder.lake(), &paths);
            names_stay(&folder, &Behind::Folder, &paths);
            for (i, path) in paths.iter().enumerate() {
                server.put(&format!("pre%fix ç/{path}"), &content(i));
            }
            names_stay(&Evo::new(), &Behind::Server(&server), &paths);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_run_id_is_called_as_in_the_path() {
    let test = Evo::new();
    let spark = "2026-01-11T02%3A05%3A01Z";
    object("sales", spark, "part").lines(&test.lake(), &[r#"{"idSale": 1}"#]);
    object("sales", RUN, "part").lines(&test.lake(), &[r#"{"idSale": 2}"#]);
    test.run(&["load", "sales", "--run-id", "2026-01-11T02:05:01Z"]).exits(4).says(spark);
    test.run(&["load", "sales", "--run-id", spark]).exits(0);
    assert_eq!(test.db.sql("select sale_id, run_id from stg_evo.sales_raw"), [["1", spark]]);
}

#[test]
fn endings_that_are_not_read_are_counted_and_named() {
    let test = Evo::new();
    for (i, name) in
        ["a.jsonl.gz", "B.JSONL.GZ", "c.jsonl.gzip", "d.json.gz.1", "e.ndjson.gz.part", "_SUCCESS", ".f.jsonl.gz.crc"]
            .iter()
            .enumerate()
    {
        let path = object("sales", RUN, "x").path().replace("x.jsonl.gz", name);
        write(&test.lake(), &path, &gz(format!("{{\"idSale\": {i}}}").as_bytes()));
    }
    for args in [&["load", "sales", "--dry-run"][..], &["load", "sales"]] {
        test.run(args).exits(0).says("sales: 3 objects have endings that evo does not read: ").says("c.jsonl.gzip");
    }
    assert_eq!(test.db.sql("select sale_id from stg_evo.sales_raw order by 1"), [["0"], ["1"]]);
    let summary = test.entity(&["load", "sales"]);
    assert_eq!(summary["other_endings"]["count"], 3);
    assert_eq!(summary["other_endings"]["first"].as_array().unwrap().len(), 3);
}

#[test]
fn one_bad_name_folder_or_special_file_does_not_hide_the_others() {
    use std::os::unix::fs::symlink;
    let test = Evo::new();
    object("sales", RUN, "good").lines(&test.lake(), &[r#"{"idSale": 1}"#]);
    let folder = test.lake().join(Path::new(&object("sales", RUN, "good").path()).parent().unwrap());
    let invalid = folder.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.jsonl.gz"));
    std::fs::write(&invalid, content(2)).unwrap();
    symlink("loop.jsonl.gz", folder.join("loop.jsonl.gz")).unwrap();
    symlink("/etc/passwd", folder.join("passwd.jsonl")).unwrap();
    symlink("..", folder.join("up")).unwrap();
    let pipe = folder.join("pipe.jsonl.gz");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("s.jsonl.gz")).unwrap();
    let run = test.run(&["load", "sales", "--output", "json"]).exits(4).says("6 objects or folders could not be read");
    for reason in ["not UTF-8", "a loop of symbolic links", "leads out of the lake", "a loop", "a pipe", "a socket"] {
        assert!(run.stderr.contains(reason), "no {reason} in {}", run.stderr);
    }
    assert_eq!(run.json()["entities"][0]["unreadable"]["count"], 6);
    assert_eq!(test.db.sql("select sale_id from stg_evo.sales_raw"), [["1"]]);
    assert_eq!(test.db.one("select count(*) from evo.rejects"), "0", "nothing from outside of the lake was read");
    test.run(&["load", "sales", "--dry-run"]).exits(4).says("leads out of the lake");
}

#[test]
fn an_entity_without_objects_is_an_error_only_if_it_was_named_or_all_are() {
    let test = Evo::new();
    test.run(&["load", "all"]).exits(4).says("holds no objects of");
    object("sales", RUN, "good").lines(&test.lake(), &[r#"{"idSale": 1}"#]);
    for args in [&["load", "all", "--dry-run"][..], &["load", "all"]] {
        test.run(args).exits(0).says("holds no objects of members");
    }
    assert_eq!(test.db.one("select count(*) from stg_evo.sales_raw"), "1");
    test.run(&["load", "members"]).exits(4).says("holds no objects of members");
    test.run(&["load", "sales", "members"]).exits(4).says("holds no objects of members");
}

#[test]
fn a_manifest_is_read_however_it_is_written_or_its_check_is_said_to_be_missing() {
    let utf16: Vec<u8> = "\u{feff}{\"total_records\": 3}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (text, says) in [
        (&b"{\"total_records\": 3}"[..], "has 2 lines, its manifest says 3"),
        (b"\xef\xbb\xbf{\"total_records\": 3}", "has 2 lines, its manifest says 3"),
        (b"{\"total_records\": \"3\"}", "has 2 lines, its manifest says 3"),
        (b"{\"total_records\": 3.0}", "has 2 lines, its manifest says 3"),
        (&utf16, "has 2 lines, its manifest says 3"),
        (b"{\"total_records\": null}", "its total_records is not a number"),
        (b"{\"records\": 3}", "it has no total_records"),
        (b"oops", "it is not JSON"),
    ] {
        let test = Evo::new();
        object("sales", RUN, "a").lines(&test.lake(), &[r#"{"idSale": 1}"#, r#"{"idSale": 2}"#]);
        let manifest = object("sales", RUN, "_manifest").path().replace(".jsonl.gz", ".json");
        write(&test.lake(), &manifest, text);
        let code = if says.starts_with("has") { 6 } else { 0 };
        test.run(&["load", "sales"]).exits(code).says(says);
        if code == 0 {
            // Not only the first time: nothing has been checked since.
            let again = test.entity(&["load", "sales"]);
            assert!(again["warnings"][0].as_str().unwrap().contains(says), "{again}");
        }
    }
}
