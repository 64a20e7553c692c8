//! Every statement of a job, each once without its answer and its connection: the job ends as an undisturbed
//! one, and says that it did what an undisturbed one does.

use serde_json::{Value, json};

use crate::support::Evo;
use crate::support::proxy::{Fault, Proxy};

/// The end of every statement with parameters, and the beginning of every one without.
const PLACES: [&[u8]; 2] = [b"S\0\0\0\x04", b"Q\0\0"];

/// A job to be done again and again.
struct Job<'a> {
    evo: &'a Evo,
    args: &'a [&'a str],
    /// SQL that makes the work undone.
    undo: &'a str,
    /// A query of what the work leaves behind.
    result: &'a str,
    /// What the summary says that was done.
    done: fn(&Value) -> Value,
}

impl Job<'_> {
    /// Strikes one statement in twelve, or each with EVO_TEST_STRIDE=1. There must be at least this many of
    /// them.
    fn loses_each_reply(&self, at_least: usize) {
        let stride: usize = std::env::var("EVO_TEST_STRIDE").map_or(12, |n| n.parse().unwrap());
        let proxy = Proxy::before(&self.evo.db);
        let url = proxy.url(&self.evo.db);
        let (expected, _) = self.run(&url);
        let mut statements = 0;
        for place in PLACES {
            for nth in (1..).step_by(stride) {
                proxy.when(place, nth as u32, Fault::Swallow);
                let (found, said) = self.run(&url);
                let has_struck = proxy.has_struck();
                proxy.forget();
                assert_eq!(found, expected, "{place:?} {nth}: {said}");
                let open = "select count(*) from evo.runs where state <> 'succeeded'";
                assert_eq!(self.evo.db.one(open), "0", "{place:?} {nth}: {said}");
                if !has_struck {
                    break;
                }
                statements += stride;
            }
        }
        assert!(statements >= at_least, "only {statements} statements were struck");
    }

    /// Does the job from its beginning. Returns what it left behind, with what it says that was done, and its
    /// log.
    fn run(&self, url: &str) -> ((Vec<Vec<String>>, Value), String) {
        self.evo.db.sql(self.undo);
        let mut command = self.evo.command_at(url, &[self.args, &["--output", "json"]].concat());
        command.envs([("EVO_RETRY_BASE", "20ms"), ("EVO_TRANSFORM_CHUNK_ROWS", "50")]);
        let run = crate::support::Run::from(command.output().unwrap()).exits(0);
        ((self.evo.db.sql(self.result), (self.done)(&run.json())), run.stderr)
    }
}

fn warehouse() -> Evo {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "120", "--part-records", "30"]).exits(0);
    evo
}

/// Per table what was written.
fn written(summary: &Value) -> Value {
    let tables = summary["entities"][0]["tables"].as_array().unwrap().clone();
    tables.iter().map(|t| json!([t["rows"], t["inserted"], t["updated"], t["deleted"]])).collect()
}

const CORE: &str = "select (to_jsonb(s) - '_updated_at')::text from core.evo_sales s
    union all select (to_jsonb(s) - '_updated_at')::text from core.evo_sale_items s
    union all select (to_jsonb(s) - '_updated_at')::text from core.evo_receivables s order by 1";

#[test]
fn fault_07_a_load_that_loses_any_reply_does_and_tells_what_an_undisturbed_one_does() {
    let evo = warehouse();
    Job {
        evo: &evo,
        args: &["load", "sales", "--workers", "2", "--batch-size", "2"],
        undo: "truncate stg_evo.sales_raw, evo.batches, evo.objects, evo.manifests cascade",
        result: "select sale_id, raw_data::text, _source_file, _source_line from stg_evo.sales_raw order by 1",
        done: |summary| {
            let sales = &summary["entities"][0];
            json!([sales["objects"], sales["lines"], sales["inserted"], sales["unchanged"]])
        },
    }
    .loses_each_reply(30);
}

#[test]
fn fault_07_an_increment_that_loses_any_reply_does_and_tells_what_an_undisturbed_one_does() {
    let evo = warehouse();
    evo.json(&["load", "sales"]);
    Job {
        evo: &evo,
        args: &["transform", "sales", "--incremental", "--workers", "2"],
        undo: "truncate core.evo_sales, core.evo_sale_items, core.evo_receivables; delete from evo.model_batches",
        result: CORE,
        done: written,
    }
    .loses_each_reply(60);
}

#[test]
fn fault_07_a_refresh_that_loses_any_reply_does_and_tells_what_an_undisturbed_one_does() {
    let evo = warehouse();
    evo.json(&["load", "sales"]);
    Job {
        evo: &evo,
        args: &["transform", "sales", "--full-refresh", "--workers", "2"],
        undo: "select",
        result: CORE,
        done: written,
    }
    .loses_each_reply(60);
}

#[test]
fn fault_07_a_dimension_that_loses_any_reply_is_as_it_should_be() {
    let evo = warehouse();
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    Job {
        evo: &evo,
        args: &["transform", "employees"],
        undo: "truncate core.evo_employees; delete from evo.model_batches where entity = 'employees'",
        result: "select employee_id, employee_name, _source_time, _source_table, _source_key from core.evo_employees order by 1",
        done: written,
    }
    .loses_each_reply(20);
}

#[test]
fn fault_07_maintenance_that_loses_any_reply_does_what_undisturbed_maintenance_does() {
    let evo = warehouse();
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    Job {
        evo: &evo,
        args: &["optimize-storage", "sales", "--vacuum", "--reindex"],
        undo: "select",
        // No half-built index is left behind.
        result: "select count(*), count(*) filter (where not indisvalid) from pg_index join pg_class on pg_class.oid = indexrelid \
                 where relnamespace in ('core'::regnamespace, 'stg_evo'::regnamespace)",
        done: |summary| {
            let steps = |list: &str| summary[list].as_array().unwrap().iter().filter(|step| step["failure"].is_null()).count();
            json!([steps("reindexed"), steps("vacuumed")])
        },
    }
    .loses_each_reply(60);
}
