//! What core must hold, computed document by document in plain Rust. Slow and obvious on purpose.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

use super::mapping::TABLES;

/// Column → text of its value, as the server prints it in UTC; `None` is null.
pub type Row = BTreeMap<String, Option<String>>;

/// All of core and the open issues.
#[derive(Debug, Default, PartialEq)]
pub struct Core {
    /// Table → its rows, sorted.
    pub tables: BTreeMap<String, Vec<Row>>,
    /// Table, key, column and raw value of what did not fit, sorted.
    pub issues: Vec<[String; 4]>,
}

/// One staged document.
#[derive(Debug, Clone)]
pub struct Staged {
    pub entity: &'static str,
    pub key: i64,
    /// Entries only: the second part of the key, in UTC.
    pub at: Option<String>,
    pub document: Value,
    pub run_id: String,
    pub loaded_at: String,
}

/// A value that its column can hold, or the text that it cannot.
type Read = Result<Option<String>, String>;

pub fn core(staging: &[Staged]) -> Core {
    let mut core = Core::default();
    for (entity, table, array, columns) in TABLES {
        let rows = core.tables.entry(table.to_owned()).or_default();
        for staged in staging.iter().filter(|s| s.entity == entity) {
            core.issues.extend(array.into_iter().flat_map(|array| left_out(staged, table, array)));
            for (child, value) in children(staged, array) {
                let mut row = Row::new();
                let key = keys(&mut row, table, staged, child);
                for line in columns.lines().filter(|line| !line.is_empty()) {
                    let [column, kind, paths] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
                    let read = match kind {
                        // As it is: a JSON null is one, and only what is absent is nothing.
                        "json" => Ok(value.get(paths).map(sorted)),
                        _ => read(kind, first(value, paths)),
                    };
                    if let Err(raw) = &read {
                        let raw = raw.chars().take(200).collect();
                        core.issues.push([format!("core.{table}"), key.clone(), column.to_owned(), raw]);
                    }
                    row.insert(column.to_owned(), read.unwrap_or(None));
                }
                extras(&mut row, table, value);
                row.insert("_loaded_at".into(), Some(staged.loaded_at.clone()));
                if array.is_none() {
                    row.insert("_source_run_id".into(), Some(staged.run_id.clone()));
                }
                rows.push(row);
            }
        }
        rows.sort();
    }
    let (branches, employees) = (super::dimension::branches(&core), super::dimension::employees(&core));
    core.tables.insert("evo_branches".into(), branches);
    core.tables.insert("evo_employees".into(), employees);
    core.issues.sort();
    core
}

/// The document itself, or the objects of its array by their id: the last of a repeated id; none without an
/// id.
fn children<'a>(staged: &'a Staged, array: Option<(&str, &str)>) -> Vec<(Option<i64>, &'a Value)> {
    let Some((array, id)) = array else { return vec![(None, &staged.document)] };
    let mut by_id = BTreeMap::new();
    for element in staged.document[array].as_array().into_iter().flatten().filter(|e| e.is_object()) {
        if let Ok(Some(id)) = read("big", &element[id]) {
            by_id.insert(id.parse().unwrap(), element);
        }
    }
    by_id.into_iter().map(|(id, value)| (Some(id), value)).collect()
}

/// What of a document's array cannot be a row: something that is no array, and elements that are no object or
/// have no id. Only nulls are nothing at all.
fn left_out(staged: &Staged, table: &str, (array, id): (&str, &str)) -> Vec<[String; 4]> {
    let column = match table {
        "evo_member_memberships" => "member_membership_id",
        "evo_member_contacts" => "phone_id",
        "evo_sale_items" => "sale_item_id",
        _ => "receivable_id",
    };
    let issue = |place: String, raw: String| {
        [
            format!("core.{table}"),
            format!("{},[{place}]", staged.key),
            column.to_owned(),
            raw.chars().take(200).collect(),
        ]
    };
    let value = &staged.document[array];
    let Some(elements) = value.as_array() else {
        return text_of(value).map(|raw| issue(String::new(), raw)).into_iter().collect();
    };
    let mut issues = Vec::new();
    for (i, element) in elements.iter().enumerate().filter(|(_, e)| !e.is_null()) {
        let raw = match read("big", &element[id]) {
            Ok(Some(_)) if element.is_object() => continue,
            Err(raw) => raw,
            _ => json_text(element),
        };
        issues.push(issue((i + 1).to_string(), raw));
    }
    issues
}

/// A value as text: a string's own, of anything else its JSON; null has none.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(json_text(other)),
    }
}

/// JSON as PostgreSQL prints it.
fn json_text(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(k, v)| format!("{}: {}", Value::from(k.as_str()), json_text(v)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(json_text).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Puts the key columns into the row and returns them as issues name them.
fn keys(row: &mut Row, table: &str, staged: &Staged, child: Option<i64>) -> String {
    let (parent, own) = match table {
        "evo_members" => ("member_id", None),
        "evo_member_memberships" => ("member_id", Some("member_membership_id")),
        "evo_member_contacts" => ("member_id", Some("phone_id")),
        "evo_prospects" => ("prospect_id", None),
        "evo_sales" => ("sale_id", None),
        "evo_sale_items" => ("sale_id", Some("sale_item_id")),
        "evo_receivables" => ("sale_id", Some("receivable_id")),
        _ => ("entry_id", None),
    };
    let mut key = staged.key.to_string();
    row.insert(parent.to_owned(), Some(key.clone()));
    if let (Some(own), Some(child)) = (own, child) {
        row.insert(own.to_owned(), Some(child.to_string()));
        key += &format!(",{child}");
    }
    if let Some(at) = &staged.at {
        row.insert("entry_date".into(), Some(at.clone()));
    }
    key
}

/// Columns that are made of several fields.
fn extras(row: &mut Row, table: &str, document: &Value) {
    if matches!(table, "evo_members" | "evo_prospects") {
        let name = |column: &str| row[column].clone().unwrap_or_default();
        let full = format!("{} {}", name("first_name"), name("last_name"));
        row.insert("full_name".into(), Some(full.trim_matches(' ').to_owned()));
    }
    if table == "evo_members" {
        // The first e-mail (4); the first mobile (2), else the first landline (1).
        let first = |kind: i64| {
            let contacts = document["contacts"].as_array().into_iter().flatten();
            let found = contacts.clone().find(|c| c["idContactType"] == kind);
            found.map(|c| text_of(&c["description"]))
        };
        row.insert("email".into(), first(4).flatten());
        row.insert("cellphone".into(), first(2).or(first(1)).flatten());
    }
    if table == "evo_prospects" {
        row.insert("is_converted".into(), Some(if row["member_id"].is_some() { "t" } else { "f" }.into()));
        let custom = document.get("interests").map(|interests| {
            let field = |name: &str| document.get(name).cloned().unwrap_or(Value::Null);
            sorted(&serde_json::json!({ "interests": interests, "notes": field("notes"), "temperature": field("temperature") }))
        });
        row.insert("custom_fields".into(), custom);
    }
}

/// The value at the first of the paths that has one.
fn first<'a>(document: &'a Value, paths: &str) -> &'a Value {
    let at = |path: &str| {
        path.split('.').fold(document, |value, step| match step.parse::<usize>() {
            Ok(i) => &value[i],
            Err(_) => &value[step],
        })
    };
    paths.split('|').map(at).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn read(kind: &str, value: &Value) -> Read {
    let raw = text_of(value);
    if kind == "text" {
        return Ok(raw);
    }
    // Nothing, or the empty text, is nothing.
    let Some(raw) = raw.filter(|raw| !raw.is_empty()) else { return Ok((kind == "flag").then(|| "f".to_owned())) };
    let fitting = match kind {
        "big" => whole(&raw).map(|n| n.to_string()),
        "int" => whole(&raw).filter(|n| i32::try_from(*n).is_ok()).map(|n| n.to_string()),
        "dec" => decimal(&raw),
        "time" => time(&raw),
        "date" => raw.get(..10).and_then(day).map(|d| d.to_string()),
        "bool" | "flag" => match raw.as_str() {
            "true" | "t" | "yes" | "on" | "1" => Some("t".to_owned()),
            "false" | "f" | "no" | "off" | "0" => Some("f".to_owned()),
            _ => None,
        },
        other => panic!("no such type: {other}"),
    };
    fitting.map(Some).ok_or(raw)
}

/// A whole number, also written as 12.0.
fn whole(raw: &str) -> Option<i64> {
    let (number, fraction) = raw.split_once('.').unwrap_or((raw, ""));
    fraction.chars().all(|c| c == '0').then(|| number.parse().ok())?
}

/// Rounded half up to two decimals, at most 13 digits before the point.
fn decimal(raw: &str) -> Option<String> {
    let (sign, digits) = raw.strip_prefix('-').map_or(("", raw), |rest| ("-", rest));
    let (number, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if number.is_empty() || !(number.to_owned() + fraction).chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let cents: i128 = format!("{number}{:0<2.2}", fraction).parse().ok()?;
    let cents = cents + i128::from(fraction.as_bytes().get(2).is_some_and(|digit| *digit >= b'5'));
    let sign = if cents == 0 { "" } else { sign };
    (cents < 1_000_000_000_000_000).then(|| format!("{sign}{}.{:02}", cents / 100, cents % 100))
}

fn day(raw: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(raw, "%Y-%m-%d").ok().filter(|d| *d >= NaiveDate::from_ymd_opt(1000, 1, 1).unwrap())
}

/// A local time in São Paulo (three hours behind UTC since 2019, when summer time was abolished), a day, or
/// an instant.
fn time(raw: &str) -> Option<String> {
    let utc = match DateTime::parse_from_rfc3339(raw) {
        Ok(instant) => instant.naive_utc(),
        Err(_) => {
            let local = NaiveDateTime::parse_from_str(raw, "%Y-%m-%dT%H:%M:%S%.f").ok();
            local.or_else(|| day(raw)?.and_hms_opt(0, 0, 0))? + chrono::Duration::hours(3)
        }
    };
    day(&utc.date().to_string())?;
    Some(utc_text(utc))
}

/// As PostgreSQL prints a timestamptz in UTC.
fn utc_text(utc: NaiveDateTime) -> String {
    let (whole, fraction) = (utc.format("%Y-%m-%d %H:%M:%S"), utc.format("%6f").to_string());
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}+00"),
        fraction => format!("{whole}.{fraction}+00"),
    }
}

/// JSON as text with sorted keys, so that two of one meaning are one.
pub fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, String> = map.iter().map(|(k, v)| (k, sorted(v))).collect();
            format!("{{{}}}", map.iter().map(|(k, v)| format!("{k:?}:{v}")).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
