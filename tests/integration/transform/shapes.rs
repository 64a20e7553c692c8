//! Shapes that do not fit, texts that are too long, names without end: what they cost is themselves.

use std::collections::BTreeMap;

use evo::entity::{Catalog, Entity};
use serde_json::{Value, json};

use super::{RUN, RUN_2};
use crate::support::{Evo, object};

/// Something wrong at a place that a model looks at.
struct Fault {
    document: Value,
    table: String,
    /// The column that has the issue; any of the table's where a whole element is left out.
    column: Option<String>,
    path: String,
}

fn key_field(entity: &Entity) -> &'static str {
    match entity.name.as_str() {
        "members" => "idMember",
        "sales" => "idSale",
        "prospects" => "idProspect",
        _ => "",
    }
}

/// A step of a path: a field, then whether an array stands there.
fn steps(path: &str) -> Vec<(String, bool)> {
    let array = |step: &str| step.strip_suffix("[]").or_else(|| step.strip_suffix("[0]")).map(str::to_owned);
    path.split('.').map(|step| array(step).map_or((step.to_owned(), false), |name| (name, true))).collect()
}

/// A document with `value` at the path, up to the step `depth`; elements of arrays have their id.
fn document(path: &[(String, bool)], value: Value, is_array_itself: bool, id: Option<&str>) -> Value {
    let Some(((name, is_array), rest)) = path.split_first() else { return value };
    let inner = if rest.is_empty() { value } else { document(rest, value, is_array_itself, None) };
    let mut element = inner;
    if *is_array && !(rest.is_empty() && is_array_itself) {
        if let (Some(id), true) = (id, element.is_object()) {
            element[id] = json!(1);
        }
        element = json!([element]);
    }
    json!({ (name.as_str()): element })
}

/// Every wrong shape at every place of every column of the entity's models.
fn faults(entity: &Entity) -> Vec<Fault> {
    let mut faults = Vec::new();
    for model in &entity.models {
        let select = &model.select;
        let id = select.children().map(|children| children.id.clone());
        for column in select.columns().iter().filter(|column| column.can_misfit(select.records())) {
            for path in &column.paths {
                let steps = steps(path);
                let mut add = |depth: usize, value: Value, is_array_itself: bool, is_whole: bool| {
                    faults.push(Fault {
                        document: document(&steps[..depth], value, is_array_itself, id.as_deref()),
                        table: model.table.clone(),
                        column: (!is_whole).then(|| column.name.clone()),
                        path: path.clone(),
                    })
                };
                for depth in 1..=steps.len() {
                    let (name, is_array) = &steps[depth - 1];
                    let of_children = select.children().is_some_and(|children| children.array == *name && depth == 1);
                    if depth == steps.len() {
                        add(depth, json!({ "a": 1 }), false, false);
                        add(depth, json!(["x"]), false, false);
                    } else if *is_array {
                        // something else in the place of the array, and of its element
                        for value in [json!("x"), json!({ "a": 1 }), json!(7)] {
                            add(depth, value, true, of_children);
                        }
                        for value in [json!("x"), json!(["x"]), json!(true)] {
                            add(depth, value, false, of_children);
                        }
                    } else {
                        for value in [json!("x"), json!(["x"]), json!(7), json!(false)] {
                            add(depth, value, false, false);
                        }
                    }
                }
            }
        }
    }
    faults
}

#[test]
fn every_shape_that_does_not_fit_is_an_issue_at_every_place_of_every_model() {
    let catalog = Catalog::load(None).unwrap();
    let evo = Evo::new();
    let mut all = 0;
    for entity in catalog.all() {
        let faults = faults(entity);
        all += faults.len();
        let lines: Vec<String> = faults
            .iter()
            .enumerate()
            .map(|(i, fault)| {
                let mut document = fault.document.clone();
                match key_field(entity) {
                    "" => {
                        document["date"] = json!(format!("2024-03-18T00:00:00.{i:06}"));
                        // What the key is made of must be plain, so it is none of this test.
                        for field in ["idMember", "idProspect", "idEmployee", "idBranch", "device", "entryAction"] {
                            if document[field].is_object() || document[field].is_array() {
                                document[field] = Value::Null;
                            }
                        }
                    }
                    field => document[field] = json!(i),
                }
                document.to_string()
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        object(&entity.name, RUN, "a").lines(&evo.lake(), &lines);
        evo.json(&["load", &entity.name]);
        evo.json(&["transform", &entity.name, "--incremental"]);
        let issues = |evo: &Evo| {
            evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3")
        };
        let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let sql = if entity.partition.is_some() {
            "select table_name, source_line::text, column_name from evo.issues"
        } else {
            "select table_name, (source_line)::text, column_name from evo.issues"
        };
        for row in evo.db.sql(sql) {
            found.entry((row[0].clone(), row[1].clone())).or_default().push(row[2].clone());
        }
        for (i, fault) in faults.iter().enumerate() {
            let is_key = entity.partition.is_some()
                && ["idMember", "idProspect", "idEmployee", "idBranch", "device", "entryAction"]
                    .contains(&fault.path.as_str());
            let columns = found.get(&(fault.table.clone(), (i + 1).to_string())).cloned().unwrap_or_default();
            let is_filed = match &fault.column {
                Some(column) => columns.contains(column),
                None => !columns.is_empty(),
            };
            assert!(is_filed || is_key, "{} {:?} {}: {}", fault.table, fault.column, fault.path, fault.document);
        }
        // A refresh and a comparison of everything say the same.
        let incremental = issues(&evo);
        for mode in ["--full-refresh", "--in-place"] {
            evo.json(&["transform", &entity.name, mode]);
            assert_eq!(issues(&evo), incremental, "{} {mode}", entity.name);
        }
        evo.db.sql("delete from evo.issues");
    }
    assert!(all > 400, "{all} places");
}

#[test]
fn a_text_that_looks_like_json_is_a_text() {
    let evo = Evo::new();
    let lines = [
        r#"{"idSale": 1, "observations": "[urgent] call", "saleItens": [{"idSaleItem": 1, "item": "{x}"}, {"idSaleItem": 2, "item": "y"}]}"#,
        r#"{"idSale": 2, "observations": "{}", "saleItens": [{"idSaleItem": 3, "item": {"a": 1}}, {"idSaleItem": 4, "item": "[b]"}]}"#,
    ];
    object("sales", RUN, "a").lines(&evo.lake(), &lines);
    evo.json(&["load", "sales"]);
    for mode in ["--incremental", "--full-refresh", "--in-place"] {
        evo.json(&["transform", "sales", mode]);
        let texts = "select sale_id::text, observations from core.evo_sales union all select sale_item_id::text, item from core.evo_sale_items order by 1, 2";
        assert_eq!(
            evo.db.sql(texts),
            [["1", "[urgent] call"], ["1", "{x}"], ["2", "y"], ["2", "{}"], ["3", "∅"], ["4", "[b]"]],
            "{mode}"
        );
        let issues = evo.db.sql("select key_text, column_name, raw_value from evo.issues");
        assert_eq!(issues, [["2,3", "item", r#"{"a": 1}"#]], "{mode}");
    }
}

#[test]
fn a_text_too_long_for_an_index_costs_only_itself() {
    let evo = Evo::new();
    // Random, so that it does not become short by compression.
    let long = evo.db.one("select string_agg(md5(i::text), '') from generate_series(1, 200) i");
    let lines = [
        r#"{"idMember": 1, "status": "Active"}"#.to_owned(),
        json!({ "idMember": 2, "status": long, "firstName": long }).to_string(),
        r#"{"idMember": 3, "status": "Inactive"}"#.to_owned(),
    ];
    object("members", RUN, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evo.json(&["load", "members"]);
    // An index of the user's own counts as well.
    evo.db.sql("create index on core.evo_members (city, first_name) where city is not null; drop index core.idx_core_members_branch");
    for mode in ["--incremental", "--full-refresh", "--in-place"] {
        evo.json(&["transform", "members", mode]);
        assert_eq!(
            evo.db.sql("select member_id, status, length(first_name) from core.evo_members order by 1"),
            [["1", "Active", "∅"], ["2", "∅", "∅"], ["3", "Inactive", "∅"]],
            "{mode}"
        );
        assert_eq!(
            evo.db.sql("select column_name, reason, length(raw_value) from evo.issues order by 1"),
            [
                ["first_name", "too long for an index on the column", "200"],
                ["status", "too long for an index on the column", "200"]
            ],
            "{mode}"
        );
    }
}

#[test]
fn names_without_end_are_one_field_and_a_long_name_is_cut() {
    let evo = Evo::new();
    let long = "é".repeat(3_000);
    let sales = |run: u64| -> Vec<String> {
        let name = |i: u64| format!("{:x}", (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ run));
        let sale = |i| json!({ "idSale": i, "observations": run, "attributes": { (name(i)): { "v": 1 }, (name(i + 1_000)): "b" }, (long.as_str()): 1 });
        (0..400).map(|i| sale(i).to_string()).collect()
    };
    for (run, name) in [(1, RUN), (2, RUN_2)] {
        let lines = sales(run);
        object("sales", name, "a").lines(&evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
        evo.json(&["load", "sales"]);
        evo.json(&["transform", "sales", "--incremental"]);
        let fields = evo.db.sql("select path, type from evo.fields where path like 'attributes%' order by 1, 2");
        let expected = [
            ["attributes", "object"],
            ["attributes.*", "object"],
            ["attributes.*", "string"],
            ["attributes.*.v", "number"],
        ];
        assert_eq!(fields, expected, "run {run}");
        assert_eq!(
            evo.db.one("select count(*) from evo.fields where path like 'é%' and octet_length(path) < 100"),
            "1"
        );
    }
}
