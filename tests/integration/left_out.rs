//! An object that the lake does not hand out is left out alone; a lake that hands out nothing is one error.

use std::collections::BTreeMap;

use crate::lake::KEY;
use crate::support::{Act, BlobServer, Evo, Run, gz, object};

const OLD: &str = "20260110T020501Z";
const NEW: &str = "20260111T020501Z";

fn load(evo: &Evo, server: &BlobServer, args: &[&str]) -> Run {
    let mut command = crate::support::binary(evo.dir.path());
    command
        .args(["load", "sales", "--output", "json", "--lake", "az://datalake", "--database-url", &evo.db.url])
        .args(args)
        .env("AZURE_STORAGE_ENDPOINT", server.endpoint())
        .env("AZURE_STORAGE_ACCOUNT_NAME", "acme")
        .env("AZURE_STORAGE_ACCOUNT_KEY", KEY)
        .env("EVO_LAKE_IDLE_TIMEOUT", "400ms");
    command.output().unwrap().into()
}

/// Puts an object with one sale at the place of `part` in the run.
fn put(server: &BlobServer, run: &str, part: usize) -> String {
    let path = object("sales", run, &format!("part-{part:02}")).path();
    server.put(&path, &gz(format!("{{\"idSale\": {part}}}").as_bytes()));
    path
}

fn refusal(status: u16, code: &str) -> Act {
    Act::Answer(status, vec![("x-ms-error-code", code.to_owned())], String::new())
}

/// Answers for one object, and what evo says of it.
const ANSWERS: [(u16, &str, &str); 11] = [
    (409, "BlobArchived", "archive tier"),
    (409, "BlobBeingRehydrated", "archive tier"),
    (403, "AuthorizationPermissionMismatch", "denied"),
    (403, "", "denied"),
    (400, "InvalidHeaderValue", "400 InvalidHeaderValue"),
    (405, "", "405"),
    (410, "", "410"),
    (423, "", "423"),
    (451, "", "451"),
    (500, "InternalError", "500 InternalError"),
    (503, "ServerBusy", "503 ServerBusy"),
];

#[test]
fn whatever_a_service_answers_for_one_object_the_others_load() {
    // Each of them in a batch of its own, and beside others in the same batch.
    for batch_size in ["1", "10"] {
        let (evo, server) = (Evo::new(), BlobServer::start());
        let mut answers = BTreeMap::new();
        for (i, (status, code, says)) in ANSWERS.into_iter().enumerate() {
            answers.insert(put(&server, OLD, 2 * i), (status, code, says));
            put(&server, OLD, 2 * i + 1);
        }
        put(&server, NEW, 99);
        let refused = answers.clone();
        server.script(move |r| match r.blob.as_ref().and_then(|blob| refused.get(blob)) {
            Some((status, code, _)) => refusal(*status, code),
            None => Act::Serve,
        });
        let run = load(&evo, &server, &["--batch-size", batch_size]).exits(4);
        assert_eq!(run.json()["entities"][0]["unreadable"]["count"], ANSWERS.len());
        for (path, (status, code, says)) in &answers {
            let is_named = run.stderr.lines().any(|line| line.contains(path) && line.contains(says));
            assert!(is_named, "{status} {code}: {}", run.stderr);
        }
        let is_loaded =
            "select string_agg(distinct (sale_id % 2)::text, ' ') || ' ' || count(*) from stg_evo.sales_raw";
        assert_eq!(evo.db.one(is_loaded), format!("1 {}", ANSWERS.len() + 1), "batch size {batch_size}");
        // They are not forgotten: the next run tries them again, and reports them until they can be read.
        let again = load(&evo, &server, &[]).exits(4);
        assert_eq!(again.json()["entities"][0]["unreadable"]["count"], ANSWERS.len());
        server.script(|_| Act::Serve);
        load(&evo, &server, &[]).exits(0);
        assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), (2 * ANSWERS.len() + 1).to_string());
    }
}

#[test]
fn a_service_that_hands_out_nothing_is_one_error() {
    let server = BlobServer::start();
    for part in 0..60 {
        put(&server, OLD, part);
    }
    let evo = Evo::new();
    server.script(|r| if r.blob.is_some() { refusal(403, "AuthorizationPermissionMismatch") } else { Act::Serve });
    let run = load(&evo, &server, &["--batch-size", "10", "--workers", "1"]).exits(5).says("denied");
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
    assert!(server.seen().len() < 60, "{} requests", server.seen().len());
    server.script(|_| Act::Serve);
    load(&evo, &server, &[]).exits(0);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "60");
}

#[test]
fn many_archived_objects_cost_a_request_each_and_are_counted() {
    let server = BlobServer::start();
    for part in 0..40 {
        put(&server, OLD, part);
    }
    let evo = Evo::new();
    let keeps = object("sales", OLD, "part-07").path();
    server.script(move |r| match &r.blob {
        Some(blob) if *blob != keeps => refusal(409, "BlobArchived"),
        _ => Act::Serve,
    });
    let run = load(&evo, &server, &["--workers", "1"]).exits(4).says("39 objects or folders").says("and 29 more");
    assert_eq!(run.json()["entities"][0]["unreadable"]["count"], 39);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "1");
    assert!(server.seen().len() < 150, "{} requests", server.seen().len());
}
