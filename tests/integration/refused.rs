//! What the server refuses in every way of staging costs the object that holds it, and no other.

use crate::support::{Evo, object};

const RUN: &str = "20260110T020501Z";
const REASON: &str = "invalid input syntax for type integer: \"…\"";
const LOADED: &str = "select string_agg(sale_id::text, ',' order by sale_id) from stg_evo.sales_raw";

/// A lake of objects with a document each; those in `bad` have a text where an index of somebody's own wants
/// a number.
fn lake(objects: u32, bad: &[u32]) -> Evo {
    let evo = Evo::new();
    evo.db.sql("create index own on stg_evo.sales_raw (((raw_data ->> 'n')::int))");
    for id in 0..objects {
        let n = if bad.contains(&id) { "\"x39053344705\"".to_owned() } else { id.to_string() };
        object("sales", RUN, &format!("{id:02}")).lines(&evo.lake(), &[&format!(r#"{{"idSale": {id}, "n": {n}}}"#)]);
    }
    evo
}

#[test]
fn a_batch_with_a_value_that_the_server_refuses_is_halved_until_the_object_is_found() {
    for (bad, loaded) in [(&[5][..], "0,1,2,3,4,6,7"), (&[0, 7], "1,2,3,4,5,6"), (&[3, 4], "0,1,2,5,6,7")] {
        let evo = lake(8, bad);
        let load = evo.run(&["load", "sales", "--workers", "1", "--batch-size", "8"]).exits(6);
        let load = load.says("continuing with half of the batch").says(" set aside");
        assert_eq!(evo.db.one(LOADED), loaded, "{bad:?}");
        assert!(!format!("{}{}", load.stdout, load.stderr).contains("39053344705"), "a value of the document is shown");
        let aside = evo.db.sql(
            "select substring(path from '([0-9]+).jsonl'), reason from evo.objects where state <> 'loaded' order by path",
        );
        let expected: Vec<_> = bad.iter().map(|id| vec![format!("{id:02}"), REASON.to_owned()]).collect();
        assert_eq!(aside, expected);
        assert_eq!(evo.db.one("select count(*) from evo.batches where state <> 'committed'"), "0");
        evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
    }
}

#[test]
fn an_object_that_was_refused_loads_once_the_server_takes_it() {
    let evo = lake(4, &[2]);
    evo.run(&["load", "sales"]).exits(6);
    evo.db.sql("drop index stg_evo.own");
    evo.run(&["objects", "retry", "sales"]).exits(0).says("1 object waiting again");
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(evo.db.one(LOADED), "0,1,2,3");
}
