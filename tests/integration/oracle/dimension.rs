//! The dimensions, from the expected rows of the other tables: every sighting of an id, the best one wins.

use std::collections::BTreeMap;

use super::expect::{Core, Row};

/// What makes a sighting better than another: that it has a name, then its time (empty for none), table, key
/// and name.
type Sighting = (bool, String, String, i64, String);

/// A table, its key, and the columns that say how old a row's document is at most.
type Source = (&'static str, &'static str, &'static [&'static str]);

const MEMBERS: Source =
    ("evo_members", "member_id", &["register_date", "conversion_date", "last_access_date", "update_date"]);
const PROSPECTS: Source = ("evo_prospects", "prospect_id", &["register_date", "conversion_date"]);
const SALES: Source = ("evo_sales", "sale_id", &["sale_date", "update_date", "removal_date"]);
const ENTRIES: Source = ("evo_entries", "entry_id", &["entry_date"]);

pub fn branches(core: &Core) -> Vec<Row> {
    let mut seen = BTreeMap::new();
    for source in [MEMBERS, PROSPECTS, SALES, ENTRIES] {
        // Sales and entries know the branch's id only.
        see(&mut seen, core, source, ("branch_id", "branch_name"));
    }
    rows(seen, "branch_id", "branch_name")
}

pub fn employees(core: &Core) -> Vec<Row> {
    let mut seen = BTreeMap::new();
    for role in ["consultant", "instructor", "personal"] {
        let (id, name) = (format!("employee_{role}_id"), format!("employee_{role}_name"));
        see(&mut seen, core, MEMBERS, (&id, &name));
    }
    see(&mut seen, core, SALES, ("employee_sale_id", "employee_sale_name"));
    see(&mut seen, core, SALES, ("employee_id", "no such column"));
    see(&mut seen, core, SALES, ("employee_removal_id", "no such column"));
    see(&mut seen, core, ENTRIES, ("employee_id", "employee_name"));
    rows(seen, "employee_id", "employee_name")
}

fn see(seen: &mut BTreeMap<i64, Sighting>, core: &Core, (table, key, times): Source, (id, name): (&str, &str)) {
    let number = |row: &Row, column: &str| row[column].as_ref().and_then(|n| n.parse::<i64>().ok());
    for row in &core.tables[table] {
        let Some(id) = number(row, id).filter(|id| *id != 0) else { continue };
        let name =
            row.get(name).cloned().flatten().unwrap_or_default().trim_matches([' ', '\t', '\r', '\n']).to_owned();
        let time = times.iter().filter_map(|column| row[*column].clone()).map(whole_seconds).max().unwrap_or_default();
        let sighting = (!name.is_empty(), time, format!("core.{table}"), number(row, key).unwrap(), name);
        let best = seen.entry(id).or_insert_with(|| sighting.clone());
        *best = sighting.max(best.clone());
    }
}

/// `2026-01-10 02:05:01.25+00`, which is how the server shows it in UTC, without the fraction.
fn whole_seconds(time: String) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}+00"),
        None => time,
    }
}

fn rows(seen: BTreeMap<i64, Sighting>, key: &str, name: &str) -> Vec<Row> {
    let row = |(id, (is_named, time, table, row_key, own_name)): (i64, Sighting)| {
        Row::from([
            (key.to_owned(), Some(id.to_string())),
            (name.to_owned(), is_named.then_some(own_name)),
            ("_source_time".to_owned(), Some(time).filter(|time| !time.is_empty())),
            ("_source_table".to_owned(), Some(table)),
            ("_source_key".to_owned(), Some(row_key.to_string())),
        ])
    };
    let mut rows: Vec<Row> = seen.into_iter().map(row).collect();
    rows.sort();
    rows
}
