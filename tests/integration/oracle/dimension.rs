//! The dimensions, from the expected rows of the other tables: every sighting of an id, the best one wins.

use std::collections::BTreeMap;

use super::expect::{Core, Row};

/// What makes a sighting better than another: that it has a name, then its run, table, key and name.
type Sighting = (bool, String, String, i64, String);

pub fn branches(core: &Core) -> Vec<Row> {
    let mut seen = BTreeMap::new();
    for (table, key) in [
        ("evo_members", "member_id"),
        ("evo_prospects", "prospect_id"),
        ("evo_sales", "sale_id"),
        ("evo_entries", "entry_id"),
    ] {
        // Sales and entries know the branch's id only.
        see(&mut seen, core, (table, key), ("branch_id", "branch_name"));
    }
    rows(seen, "branch_id", "branch_name")
}

pub fn employees(core: &Core) -> Vec<Row> {
    let mut seen = BTreeMap::new();
    for role in ["consultant", "instructor", "personal"] {
        let (id, name) = (format!("employee_{role}_id"), format!("employee_{role}_name"));
        see(&mut seen, core, ("evo_members", "member_id"), (&id, &name));
    }
    see(&mut seen, core, ("evo_sales", "sale_id"), ("employee_sale_id", "employee_sale_name"));
    see(&mut seen, core, ("evo_sales", "sale_id"), ("employee_id", "no such column"));
    see(&mut seen, core, ("evo_sales", "sale_id"), ("employee_removal_id", "no such column"));
    see(&mut seen, core, ("evo_entries", "entry_id"), ("employee_id", "employee_name"));
    rows(seen, "employee_id", "employee_name")
}

fn see(seen: &mut BTreeMap<i64, Sighting>, core: &Core, (table, key): (&str, &str), (id, name): (&str, &str)) {
    let number = |row: &Row, column: &str| row[column].as_ref().and_then(|n| n.parse::<i64>().ok());
    for row in &core.tables[table] {
        let Some(id) = number(row, id).filter(|id| *id != 0) else { continue };
        let name =
            row.get(name).cloned().flatten().unwrap_or_default().trim_matches([' ', '\t', '\r', '\n']).to_owned();
        let run = row["_source_run_id"].clone().unwrap_or_default();
        let sighting = (!name.is_empty(), run, format!("core.{table}"), number(row, key).unwrap(), name);
        let best = seen.entry(id).or_insert_with(|| sighting.clone());
        *best = sighting.max(best.clone());
    }
}

fn rows(seen: BTreeMap<i64, Sighting>, key: &str, name: &str) -> Vec<Row> {
    let row = |(id, (is_named, run, table, row_key, own_name)): (i64, Sighting)| {
        Row::from([
            (key.to_owned(), Some(id.to_string())),
            (name.to_owned(), is_named.then_some(own_name)),
            ("_source_run_id".to_owned(), Some(run)),
            ("_source_table".to_owned(), Some(table)),
            ("_source_key".to_owned(), Some(row_key.to_string())),
        ])
    };
    let mut rows: Vec<Row> = seen.into_iter().map(row).collect();
    rows.sort();
    rows
}
