//! An object that the lake does not hand out is left out alone; a lake that hands out nothing is one error.

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

/// Three objects in the older run, of which the second is the one in question, and one in the newer run.
fn lake() -> (Evo, BlobServer, String) {
    let server = BlobServer::start();
    for (run, part) in [(OLD, 1), (OLD, 2), (OLD, 3), (NEW, 4)] {
        let path = object("sales", run, &format!("part-{part}")).path();
        server.put(&path, &gz(format!("{{\"idSale\": {part}}}").as_bytes()));
    }
    (Evo::new(), server, object("sales", OLD, "part-2").path())
}

fn refusal(status: u16, code: &str) -> Act {
    Act::Answer(status, vec![("x-ms-error-code", code.to_owned())], String::new())
}

#[test]
fn whatever_a_service_answers_for_one_object_the_others_load() {
    for (i, (status, code, says)) in [
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
    ]
    .into_iter()
    .enumerate()
    {
        // A batch of its own, or one beside the others.
        let batch_size = ["1", "10"][i % 2];
        let (evo, server, bad) = lake();
        let (path, code) = (bad.clone(), code.to_owned());
        server.script(move |r| if r.blob.as_ref() == Some(&path) { refusal(status, &code) } else { Act::Serve });
        let run = load(&evo, &server, &["--batch-size", batch_size]).exits(4).says(&bad).says(says);
        assert_eq!(run.json()["entities"][0]["unreadable"]["count"], 1, "{status}");
        let loaded = "select string_agg(sale_id::text, ' ' order by sale_id) from stg_evo.sales_raw";
        assert_eq!(evo.db.one(loaded), "1 3 4", "{status} {batch_size}");
        // Not forgotten: the next run tries it again, and says so again until it can be read.
        load(&evo, &server, &[]).exits(4).says(&bad);
        server.script(|_| Act::Serve);
        load(&evo, &server, &[]).exits(0);
        assert_eq!(evo.db.one(loaded), "1 2 3 4", "{status} {batch_size}");
    }
}

#[test]
fn a_service_that_hands_out_nothing_is_one_error() {
    let server = BlobServer::start();
    for part in 0..60 {
        server.put(
            &object("sales", OLD, &format!("part-{part}")).path(),
            &gz(format!("{{\"idSale\": {part}}}").as_bytes()),
        );
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
        server.put(
            &object("sales", OLD, &format!("part-{part}")).path(),
            &gz(format!("{{\"idSale\": {part}}}").as_bytes()),
        );
    }
    let evo = Evo::new();
    let keeps = object("sales", OLD, "part-7").path();
    server.script(move |r| match &r.blob {
        Some(blob) if *blob != keeps => refusal(409, "BlobArchived"),
        _ => Act::Serve,
    });
    let run = load(&evo, &server, &["--workers", "1"]).exits(4).says("39 object(s)").says("and 29 more");
    assert_eq!(run.json()["entities"][0]["unreadable"]["count"], 39);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "1");
    assert!(server.seen().len() < 150, "{} requests", server.seen().len());
}
