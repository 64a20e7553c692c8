//! Values that do not fit, children that cannot become rows, and strictness about both.

use super::{RUN, RUN_2};
use crate::support::{Evo, cluster, object};

#[test]
fn a_value_that_does_not_fit_becomes_null_and_an_issue_and_the_record_lives() {
    let evo = Evo::new();
    let lines = [
        r#"{"idSale": 1, "saleDate": "", "idMember": 5}"#,
        r#"{"idSale": 2, "saleDate": "0001-01-01T00:00:00", "idMember": 1.5, "idBranch": 12.0, "removed": "maybe"}"#,
        r#"{"idSale": 3, "saleDate": "2024-03-18T06:12:45-05:00", "saleItens": [{"idSaleItem": 1, "itemValue": "dez"}]}"#,
    ];
    object("sales", RUN, "a").lines(&evo.lake(), &lines);
    evo.json(&["load", "sales"]);
    evo.run(&["transform", "sales", "--strict"]).exits(6);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "0");
    for mode in [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"]] {
        evo.json(mode);
        assert_eq!(
            evo.db.sql("select sale_id, sale_date at time zone 'UTC', member_id, branch_id, removed from core.evo_sales order by 1"),
            [["1", "∅", "5", "∅", "f"], ["2", "∅", "∅", "12", "∅"], ["3", "2024-03-18 11:12:45", "∅", "∅", "f"]]
        );
        assert_eq!(
            evo.db.sql("select table_name, key_text, column_name, raw_value from evo.issues order by 1, 2, 3"),
            [
                ["core.evo_sale_items", "3,1", "item_value", "dez"],
                ["core.evo_sales", "2", "member_id", "1.5"],
                ["core.evo_sales", "2", "removed", "maybe"],
                ["core.evo_sales", "2", "sale_date", "0001-01-01T00:00:00"],
            ]
        );
    }
    // Mended at the source, the issue is gone with the next transform.
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 2, "idMember": 2}"#]);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    assert_eq!(evo.db.one("select count(*) from evo.issues where key_text = '2'"), "0");
}

#[test]
fn a_child_that_cannot_become_a_row_is_an_issue_that_names_its_object_and_line() {
    let evo = Evo::new();
    let sale = |id: u32, items: &str| format!(r#"{{"idSale": {id}, "saleItens": {items}}}"#);
    let lines = [
        sale(1, r#"[{"idSaleItem": "x1", "item": "a"}, {"idSaleItem": 12, "item": "b"}]"#),
        sale(2, r#"[null, {"idSaleItem": 21}, 5, {"item": "c"}]"#),
        sale(3, r#"{"idSaleItem": 31}"#),
        sale(4, r#"[{"idSaleItem": "41.0"}]"#),
        sale(5, "null"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let file = object("sales", RUN, "a");
    file.lines(&evo.lake(), &lines);
    evo.json(&["load", "sales"]);
    evo.run(&["transform", "sales", "--strict"]).exits(6).says("saleItens[].idSaleItem").says("line 1");
    for mode in
        [&["transform", "sales"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales", "--in-place"]]
    {
        let summary = evo.entity(mode);
        assert_eq!(summary["tables"][1]["issues"], 4, "{summary}");
        assert_eq!(
            evo.db.sql("select sale_id, sale_item_id from core.evo_sale_items order by 1, 2"),
            [["1", "12"], ["2", "21"], ["4", "41"]]
        );
        let issues = evo.db.sql(
            "select key_text, column_name, path, raw_value, reason, source_file, source_line from evo.issues order by key_text",
        );
        let (column, path, from) = ("sale_item_id", "saleItens[].idSaleItem", file.path());
        let expected = [
            ["1,[1]", column, path, "x1", "the id does not fit, the element is left out", &from, "1"],
            ["2,[3]", column, path, "5", "the element is no object", &from, "2"],
            ["2,[4]", column, path, r#"{"item": "c"}"#, "the element has no id and is left out", &from, "2"],
            ["3,[]", column, path, r#"{"idSaleItem": 31}"#, "no array, its elements are left out", &from, "3"],
        ];
        assert_eq!(issues, expected, "{mode:?}");
    }
    // Mended at the source, the issues are gone.
    object("sales", RUN_2, "a").lines(&evo.lake(), &[&sale(1, "[]"), &sale(2, "[]"), &sale(3, "[]")]);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    assert_eq!(evo.db.one("select count(*) from evo.issues"), "0");
}

#[test]
fn a_strict_transform_names_the_value_s_place_and_never_shows_the_value() {
    let evo = Evo::new();
    let file = object("sales", RUN, "a");
    file.lines(
        &evo.lake(),
        &[r#"{"idSale": 1}"#, r#"{"idSale": 2, "receivables": [{"idReceivable": 9, "ammount": "geheim"}]}"#],
    );
    evo.json(&["load", "sales"]);
    for mode in [&["transform", "sales", "--strict"][..], &["transform", "sales", "--strict", "--full-refresh"]] {
        let run = evo.run(mode).exits(6).says("core.evo_receivables 2,9, column amount").says("receivables[].ammount");
        let run = run.says(&format!("{} line 2", file.path()));
        assert!(!run.stderr.contains("geheim") && !run.stdout.contains("geheim"), "{}", run.stderr);
        assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "0");
        assert_eq!(evo.db.one("select count(*) from evo.issues"), "0");
    }
}

#[test]
fn careful_casts_agree_with_fast_ones_wherever_those_do_not_raise() {
    let evo = Evo::new();
    // Ordinary, odd and hostile texts: the careful family must give the same value, or null where the fast
    // one raises.
    let texts = [
        "",
        " ",
        "0",
        "-0",
        "7",
        " 7 ",
        "+7",
        "12.0",
        "12.5",
        "1e3",
        "1e400",
        "NaN",
        " nan",
        "Infinity",
        "-inf",
        "9223372036854775807",
        "9223372036854775808",
        "2147483648",
        "-2147483648",
        "999999999999999",
        "9999999999999.99",
        "99999999999999.999",
        "0.005",
        ".5",
        "5.",
        "true",
        "t",
        "on",
        "FALSE",
        "maybe",
        "2024-03-18",
        "2024-02-30",
        "2024-02-29",
        "2023-02-29",
        "2024-03-18T06:12:45",
        "2024-03-18T24:00:00",
        "2024-03-18T06:12:60",
        "2024-03-18T06:12:45.123456789",
        "2024-03-18T06:12:45Z",
        "2024-03-18T06:12:45-05:00",
        "2024-03-18 06:12",
        "0001-01-01T00:00:00",
        "now",
        "infinity",
        "20240318",
        "x",
    ];
    let values: Vec<String> = texts.iter().map(|t| format!("('{t}')")).collect();
    evo.db.sql(
        "create function raises(call text) returns text language plpgsql as $$
         declare r text; begin execute 'select (' || call || ')::text' into r; return coalesce(r, 'null'); exception when data_exception then return 'raises'; end $$",
    );
    let zone = ", ''America/Sao_Paulo''";
    for (name, more) in
        [("bigint", ""), ("int", ""), ("decimal", ""), ("bool", ""), ("date", ""), ("timestamptz", zone)]
    {
        let rows = evo.db.sql(&format!(
            "select x, raises(format('evo.as_{name}(%L{more})', x)), raises(format('evo.try_{name}(%L{more})', x)), \
                    raises(format('evo.misfit_{name}(%L{more})', x)) from (values {}) v (x)",
            values.join(", ")
        ));
        assert_eq!(rows.len(), texts.len());
        for row in rows {
            let [text, fast, careful, misfit] = <[String; 4]>::try_from(row).unwrap();
            let is_whole = matches!(text.as_str(), "12.0" | "5." | "1e3") && matches!(name, "bigint" | "int");
            match fast.as_str() {
                "raises" if is_whole => assert_ne!(careful, "null", "{name} {text:?}"),
                "raises" => assert_eq!((careful.as_str(), misfit.as_str()), ("null", text.as_str()), "{name} {text:?}"),
                value => assert_eq!((careful.as_str(), misfit.as_str()), (value, "null"), "{name} {text:?}"),
            }
        }
    }
}

#[test]
fn the_planner_inlines_every_cast_of_every_model() {
    if cluster::is_left_out("the plan of a server is only shown by the server") {
        return;
    }
    // A function that is called per value costs more than all the rest of a model.
    let evo = Evo::new();
    for entity in evo::entity::Catalog::load(None).unwrap().all() {
        for model in &entity.models {
            let select = model
                .select
                .text()
                .replace("{source}", &format!("(select * from {})", entity.staging.table))
                .replace("{zone}", "'America/Sao_Paulo'");
            let plan: Vec<String> =
                evo.db.sql(&format!("explain verbose {select}")).iter().map(|row| row[0].clone()).collect();
            let plan = plan.join("\n");
            for cast in ["bigint", "int", "decimal", "bool", "date", "local", "timestamptz", "children"] {
                assert!(!plan.contains(&format!("as_{cast}(")), "{} calls as_{cast}", model.table);
            }
        }
    }
    let list = "explain verbose select t.x from stg_evo.sales_raw s cross join lateral (
                    select distinct e.x from jsonb_array_elements_text(evo.plain_array(s.raw_data ->> 'x')) as e (x)) t";
    let plan: Vec<String> = evo.db.sql(list).iter().map(|row| row[0].clone()).collect();
    assert!(!plan.concat().contains("plain_array("), "{}", plan.join("\n"));
}
