//! Increments, full refresh and an independent computation of core agree, whatever the history.

mod dimension;
mod expect;
mod history;
mod mapping;

use std::sync::atomic::{AtomicU64, Ordering};

use expect::{Core, Row, Staged};

use crate::support::Evo;

/// Histories per run, about a second each; more with EVO_TEST_HISTORIES, others with EVO_TEST_FIRST_HISTORY.
const HISTORIES: u64 = 8;
const KEYS: [(&str, &str); 4] =
    [("members", "member_id"), ("sales", "sale_id"), ("prospects", "prospect_id"), ("entries", "entry_id")];

fn staging(evo: &Evo) -> Vec<Staged> {
    let mut staging = Vec::new();
    for (entity, key) in KEYS {
        let at = if entity == "entries" { "entry_date" } else { "null" };
        let rows = evo.db.sql(&format!(
            "set timezone = 'UTC'; select {key}, {at}, raw_data, run_id, _loaded_at from stg_evo.{entity}_raw"
        ));
        staging.extend(rows.iter().map(|row| Staged {
            entity,
            key: row[0].parse().unwrap(),
            at: Some(row[1].clone()).filter(|at| at != "∅"),
            document: serde_json::from_str(&row[2]).unwrap(),
            run_id: row[3].clone(),
            loaded_at: row[4].clone(),
        }));
    }
    staging
}

fn found(evo: &Evo) -> Core {
    let mut core = Core::default();
    for row in evo.db.sql(
        "select c.relname, string_agg(quote_ident(a.attname), ',' order by a.attnum) from pg_class c \
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname <> '_updated_at' \
         where c.relnamespace = 'core'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition group by 1",
    ) {
        let columns: Vec<&str> = row[1].split(',').map(|column| column.trim_matches('"')).collect();
        let rows = evo.db.sql(&format!("set timezone = 'UTC'; select {} from core.{}", row[1], row[0]));
        let read = |row: &Vec<String>| -> Row {
            let value = |(column, text): (&&str, &String)| {
                let is_json = ["freezes", "sessions", "custom_fields"].contains(column);
                let text = Some(text.clone()).filter(|text| text != "∅");
                let text = if is_json { text.map(|t| expect::sorted(&serde_json::from_str(&t).unwrap())) } else { text };
                ((*column).to_owned(), text)
            };
            columns.iter().zip(row).map(value).collect()
        };
        let mut rows: Vec<Row> = rows.iter().map(read).collect();
        rows.sort();
        core.tables.insert(row[0].clone(), rows);
    }
    // Of an entry's key the id is enough.
    let issues = evo.db.sql(
        "select table_name, case table_name when 'core.evo_entries' then split_part(key_text, ',', 1) else key_text end, column_name, raw_value \
         from evo.issues",
    );
    core.issues = issues.into_iter().map(|row| row.try_into().unwrap()).collect();
    core.issues.sort();
    core
}

#[track_caller]
fn assert_equal(what: &str, found: &Core, expected: &Core) {
    assert_eq!(found.tables.keys().collect::<Vec<_>>(), expected.tables.keys().collect::<Vec<_>>(), "{what}");
    for (table, rows) in &expected.tables {
        let other = &found.tables[table];
        for (row, other) in rows.iter().zip(other) {
            let differing: Vec<_> = row
                .keys()
                .chain(other.keys())
                .filter(|column| row.get(*column) != other.get(*column))
                .map(|column| format!("{column}: expected {:?}, found {:?}", row.get(column), other.get(column)))
                .collect();
            assert!(differing.is_empty(), "{what}: {table}: {}\nexpected row {row:?}", differing.join("; "));
        }
        assert_eq!(other.len(), rows.len(), "{what}: {table}");
    }
    assert_eq!(found.issues, expected.issues, "{what}: issues");
}

/// One history; returns how many rows and issues it ended with.
fn one(seed: u64) -> (usize, usize) {
    let evo = Evo::new();
    history::live(&evo, seed);
    let expected = expect::core(&staging(&evo));
    assert_equal(&format!("history {seed}, increments"), &found(&evo), &expected);
    crate::verify::is_right_until_something_is_changed(&evo, seed);
    // A row that was deleted and loaded again came from another line with its content.
    let expected = expect::core(&staging(&evo));
    evo.run(&["transform", "all", "--full-refresh", "--accept", "fill_rate", "--max-shrink", "100%"]).exits(0);
    assert_equal(&format!("history {seed}, full refresh"), &found(&evo), &expected);
    evo.run(&["verify", "--deep"]).exits(0);
    (expected.tables.values().map(Vec::len).sum(), expected.issues.len())
}

#[test]
fn increments_and_full_refresh_give_what_an_independent_reading_of_staging_gives() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |n| n.parse::<u64>().unwrap());
    let first = number("EVO_TEST_FIRST_HISTORY", 0);
    let (next, end) = (AtomicU64::new(first), first + number("EVO_TEST_HISTORIES", HISTORIES));
    let totals: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let worker = || {
            let mut totals = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return totals;
                }
                totals.push(one(seed));
            }
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(worker)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let (rows, issues) = totals.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(rows > 40 * totals.len(), "histories of {rows} rows prove little");
    assert!(issues > 0 && totals.iter().any(|one| one.1 == 0), "histories with and without misfits");
}
