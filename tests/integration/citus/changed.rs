//! Rows that a later run changes are written where their shards are.

use super::distributed;
use crate::support::{Evo, cluster, object};

const RUNS: [&str; 2] = ["20260110T020501Z", "20260111T020501Z"];
/// A value that PostgreSQL alone refuses.
const REFUSED: &str = "1e200000";

fn sale(id: usize, value: &str) -> String {
    format!(r#"{{"idSale": {id}, "v": {value}}}"#)
}

fn put(evo: &Evo, run: &str, name: &str, lines: &[String]) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    object("sales", run, name).lines(&evo.lake(), &lines);
}

/// A distributed warehouse that holds sales 1 to 40.
fn loaded() -> (Evo, Vec<String>) {
    let evo = distributed();
    let lines: Vec<String> = (1..=40).map(|id| sale(id, "0")).collect();
    put(&evo, RUNS[0], "a", &lines);
    evo.run(&["load", "sales"]).exits(0);
    (evo, lines)
}

/// How the last batch was staged, and in how many rounds of verdicts.
fn last_batch(evo: &Evo) -> Vec<String> {
    evo.db
        .sql("select timings ->> 'mode', timings ->> 'rounds' from evo.batches order by batch_id desc limit 1")
        .concat()
}

/// Sales that the second run wrote, with their values, and whether they were there before.
fn written(evo: &Evo) -> Vec<Vec<String>> {
    evo.db.sql(&format!(
        "select sale_id, raw_data -> 'v', _updated_at > _loaded_at from stg_evo.sales_raw where run_id = '{}' order by 1",
        RUNS[1]
    ))
}

#[test]
fn a_run_that_changes_rows_is_compared_and_written_in_one_round() {
    let (evo, mut lines) = loaded();
    lines[6] = sale(7, "1");
    lines[29] = sale(30, "2");
    lines.push(sale(41, "3"));
    put(&evo, RUNS[1], "a", &lines);
    let loaded = evo.json(&["load", "sales"]);
    let counts = ["inserted", "updated", "unchanged"].map(|name| loaded["entities"][0][name].as_i64());
    assert_eq!(counts, [Some(1), Some(2), Some(38)], "{loaded:#}");
    assert_eq!(written(&evo), [["7", "1", "t"], ["30", "2", "t"], ["41", "3", "f"]]);
    assert_eq!(last_batch(&evo), ["compared", "1"]);
}

#[test]
fn rows_of_objects_with_other_names_are_changed_too() {
    let (evo, mut lines) = loaded();
    lines[6] = sale(7, "1");
    lines.push(sale(41, "3"));
    put(&evo, RUNS[1], "other", &lines);
    evo.run(&["load", "sales"]).exits(0);
    assert_eq!(written(&evo), [["7", "1", "t"], ["41", "3", "f"]]);
    assert_eq!(last_batch(&evo)[0], "keys");
}

#[test]
fn a_document_that_only_the_server_refuses_costs_its_line() {
    for name in ["a", "other"] {
        let (evo, mut lines) = loaded();
        lines[0] = sale(1, REFUSED);
        lines[1] = sale(2, "1");
        put(&evo, RUNS[1], name, &lines);
        evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
        assert_eq!(written(&evo), [["2", "1", "t"]], "{name}");
        assert_eq!(evo.db.sql("select line_number, sqlstate from evo.rejects"), [["1", "22003"]], "{name}");
        assert_eq!(last_batch(&evo)[0], "text", "{name}");
    }
}

#[test]
fn a_superseded_document_is_checked_although_no_server_is_to_write_it() {
    for name in ["a", "other"] {
        let (evo, mut lines) = loaded();
        lines[2] = sale(3, REFUSED);
        lines.push(sale(3, "1"));
        put(&evo, RUNS[1], name, &lines);
        evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
        assert_eq!(written(&evo), [["3", "1", "t"]], "{name}");
        assert_eq!(evo.db.sql("select line_number, sqlstate from evo.rejects"), [["3", "22003"]], "{name}");
    }
}

#[test]
fn a_row_that_is_not_updated_is_noticed() {
    if cluster::is_left_out("Citus takes no triggers on distributed tables") {
        return;
    }
    let (evo, mut lines) = loaded();
    evo.db.sql(
        "create function public.keep() returns trigger language plpgsql as 'begin return null; end';
         create trigger keeps before update on stg_evo.sales_raw for each row execute function public.keep()",
    );
    lines[6] = sale(7, "1");
    put(&evo, RUNS[1], "a", &lines);
    evo.run(&["load", "sales"]).exits(6).says("keeps");
    assert!(written(&evo).is_empty());
    assert_eq!(evo.db.one("select count(*) from evo.batches where state = 'committed'"), "1");
}

#[test]
fn more_changed_documents_than_fit_one_file_are_written() {
    let (evo, mut lines) = loaded();
    for (i, line) in lines.iter_mut().enumerate().take(5) {
        *line = sale(i + 1, &format!("\"{}\"", "x".repeat(15 << 20)));
    }
    put(&evo, RUNS[1], "a", &lines);
    evo.run(&["load", "sales"]).exits(0);
    let lengths =
        evo.db.sql("select sale_id, length(raw_data ->> 'v') from stg_evo.sales_raw where sale_id <= 6 order by 1");
    let expected: Vec<Vec<String>> =
        (1..=6).map(|id| vec![id.to_string(), if id < 6 { (15 << 20).to_string() } else { "1".to_owned() }]).collect();
    assert_eq!(lengths, expected);
}
