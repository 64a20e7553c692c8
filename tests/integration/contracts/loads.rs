//! Contracts in a load: what is looked into, and what becomes of objects that cannot be read.

use super::{FIRST, Own, fields, lines, path};
use crate::lake::KEY;
use crate::support::{Act, BlobServer, Run};

const FAILS: &str = "new_field = \"fail\"\ntype_change = \"fail\"\nmissing_field = \"fail\"\n";

/// Loads from a container.
fn load(own: &Own, server: &BlobServer) -> Run {
    let mut command = crate::support::binary(own.0.dir.path());
    command
        .args(["load", "visits", "--extend", "own", "--lake", "az://datalake", "--database-url", &own.0.db.url])
        .env("AZURE_STORAGE_ENDPOINT", server.endpoint())
        .env("AZURE_STORAGE_ACCOUNT_NAME", "acme")
        .env("AZURE_STORAGE_ACCOUNT_KEY", KEY)
        .env("EVO_LAKE_IDLE_TIMEOUT", "400ms");
    command.output().unwrap().into()
}

fn refusal(status: u16, code: &str) -> Act {
    Act::Answer(status, vec![("x-ms-error-code", code.to_owned())], String::new())
}

#[test]
fn documents_with_hundreds_of_fields_are_held_to_their_contract() {
    let own = Own::new();
    own.declare(FAILS);
    own.put("1", 1..31, &fields(0..250));
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    assert_eq!(own.one("select string_agg(path, ' ') from evo.fields where path not like '%.%'"), "*");
    own.put("2", 31..61, &fields(0..250));
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.put("3", 61..91, &format!(r#"{}, "c7": "x", "added": true"#, fields(0..249).replace(r#", "c7": 7"#, "")));
    for command in ["load", "transform"] {
        own.run(&[command, "visits"])
            .exits(6)
            .says("3 changes of the documents break the contract")
            .says("new field added (boolean) in 30 of 30 documents")
            .says("c249 is in 0 of 30 documents; before, 100 % had it")
            .says("c7 is string in 30 of 30 documents (was number)");
        own.run(&["load", "visits", "--accept", "contract"]).exits(0);
    }
}

#[test]
fn names_that_are_data_are_not_compared_and_the_summary_says_so() {
    let own = Own::new();
    own.declare(FAILS);
    let ids = |from: u32| {
        let names: Vec<String> = (from..from + 150).map(|n| format!(r#""k{n}": 1"#)).collect();
        format!(r#", "by": {{{}}}"#, names.join(", "))
    };
    own.put("1", 1..2, &ids(0));
    own.run(&["load", "visits"]).exits(0).says("1");
    own.put("2", 2..3, &ids(150));
    let note = "visits: contract: names of by that hardly repeat, such as ids, are not compared";
    own.run(&["load", "visits"]).exits(0).says(note);
    own.run(&["transform", "visits"]).exits(0);
    own.put("3", 3..4, &ids(300));
    own.declare(&format!("{FAILS}ignore = [\"by\"]\n"));
    let silent = own.run(&["load", "visits"]).exits(0);
    assert!(!silent.stdout.contains("hardly repeat"), "{}", silent.stdout);
    own.declare(FAILS);
    own.run(&["transform", "visits"]).exits(0).says(note);
}

#[test]
fn an_object_that_the_lake_denies_keeps_no_other_one_out() {
    let (own, server) = (Own::new(), BlobServer::start());
    own.declare(FAILS);
    server.put(&path("1", "a"), lines(1..31, FIRST).as_bytes());
    load(&own, &server).exits(0);
    for name in ["a", "b", "c"] {
        server.put(&path("2", name), lines(31..61, FIRST).as_bytes());
    }
    let denied = path("2", "b");
    for (status, code) in [(403, "AuthorizationPermissionMismatch"), (503, "ServerBusy"), (409, "BlobArchived")] {
        let denied = denied.clone();
        server.script(move |r| if r.blob.as_ref() == Some(&denied) { refusal(status, code) } else { Act::Serve });
        load(&own, &server).exits(4).says("1 object or folder could not be read");
        assert_eq!(own.one("select count(*) from evo.objects where state = 'loaded'"), "3");
    }
}

#[test]
fn a_lake_that_denies_everything_is_left_to_the_load_and_one_that_is_busy_is_asked_again() {
    let (own, server) = (Own::new(), BlobServer::start());
    own.declare(FAILS);
    server.put(&path("1", "a"), lines(1..31, FIRST).as_bytes());
    load(&own, &server).exits(0);
    server.put(&path("2", "a"), lines(31..61, &format!(r#"{FIRST}, "vip": true"#)).as_bytes());
    server.script(|r| if r.blob.is_some() { refusal(403, "AuthorizationPermissionMismatch") } else { Act::Serve });
    load(&own, &server)
        .exits(5)
        .says("denied")
        .says("visits: contract: not checked, because none of the first 1 object could be read");
    // Busy for a moment: the contract is checked once it is not.
    let before = server.seen().iter().filter(|r| r.blob.as_ref() == Some(&path("2", "a"))).count();
    let busy = path("2", "a");
    server.script(move |r| match r.blob.as_ref() == Some(&busy) && r.number <= before + 1 {
        true => refusal(503, "ServerBusy"),
        false => Act::Serve,
    });
    load(&own, &server).exits(6).says("new field vip (boolean) in 30 of 30 documents");
}

#[test]
fn the_objects_that_are_looked_into_are_spread_over_the_run() {
    let own = Own::new();
    own.declare(FAILS);
    own.put("1", 1..31, FIRST);
    own.run(&["load", "visits"]).exits(0);
    // The second half of the objects, by name, is not as the first.
    for n in 0..60 {
        let more = if n < 30 { FIRST.to_owned() } else { format!(r#"{FIRST}, "vip": true"#) };
        own.put_object("2", &format!("{n:02}"), 100 + n..101 + n, &more);
    }
    own.run(&["load", "visits"]).exits(6).says("new field vip (boolean)").says("of 20 documents");
}

#[test]
fn a_summary_lists_a_few_changes_and_counts_all_of_them() {
    let own = Own::new();
    own.declare("new_field = \"warn\"\n");
    own.put("1", 1..31, FIRST);
    own.run(&["load", "visits"]).exits(0);
    own.run(&["transform", "visits"]).exits(0);
    own.put("2", 31..61, &format!("{FIRST}{}", fields(0..120)));
    own.declare("new_field = \"fail\"\nmissing_field = \"ignore\"\n");
    let text = own.run(&["load", "visits", "--accept", "contract", "--limit", "1"]).exits(0).stdout;
    assert_eq!(text.matches("visits: contract: new field c").count(), 10, "{text}");
    assert!(text.contains("\nvisits: contract: and 110 more"), "{text}");
    let text = own.run(&["transform", "visits", "--accept", "contract", "--dry-run"]).exits(0).stdout;
    assert!(!text.contains("contract"), "{text}");
    let text = own.run(&["transform", "visits", "--accept", "contract"]).exits(0).stdout;
    assert_eq!(text.matches("visits: contract: new field c").count(), 10, "{text}");
    assert!(text.contains("\nvisits: contract: and 110 more"), "{text}");
    own.put("3", 61..91, &format!("{FIRST}{}", fields(200..320)));
    for command in ["load", "transform"] {
        let json = own.run(&[command, "visits", "--accept", "contract", "--output", "json"]).exits(0).json();
        let of = &json["entities"][0];
        assert_eq!((of["contract"].as_array().unwrap().len(), &of["contract_count"]), (100, &120.into()), "{of}");
        let first = &of["contract"][0];
        assert_eq!((&first["rule"], &first["path"]), (&"new_field".into(), &"c200".into()), "{first}");
        assert_eq!((&first["documents"], &first["source_line"]), (&30.into(), &1.into()));
        assert_eq!(of["contract_notes"], serde_json::json!([]));
    }
}
