//! Models that are accepted, and models that are refused.

use super::*;
use crate::entity::Catalog;
use crate::error::Kind;

const FROM: &str =
    "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, b text, \"Odd as\" text, o jsonb)";

fn parse(text: &str) -> crate::error::Result<Select> {
    Select::parse("own.sql", text, &["id".to_owned()])
}

fn columns(list: &str) -> Select {
    parse(&format!("select s.id, {list}{FROM}")).unwrap()
}

#[test]
fn the_built_in_models_are_understood() {
    let catalog = Catalog::load(None).unwrap();
    let model = |table: &str| catalog.all().iter().flat_map(|e| &e.models).find(|m| m.table == table).unwrap();
    let path = |table: &str, name: &str| {
        let select = &model(table).select;
        let column = select.columns().iter().find(|column| column.name == name).unwrap();
        column.can_misfit(select.records()).then(|| column.paths.join("|"))
    };
    assert_eq!(path("core.evo_sales", "sale_date").unwrap(), "saleDate");
    assert_eq!(path("core.evo_sales", "removed").unwrap(), "removed");
    assert_eq!(
        path("core.evo_sales", "corporate_partnership_id").unwrap(),
        "coporatePartnershipId|corporatePartnershipId|idCorporatePartnership"
    );
    assert_eq!(path("core.evo_sales", "observations").unwrap(), "observations");
    assert_eq!(path("core.evo_sales", "_loaded_at"), None);
    assert_eq!(
        path("core.evo_receivables", "payment_type_id").unwrap(),
        "receivables[].paymentType.id|receivables[].paymentType.idPaymentType"
    );
    assert_eq!(path("core.evo_receivables", "amount").unwrap(), "receivables[].ammount|receivables[].amount");
    let children = model("core.evo_sale_items").select.children().unwrap();
    assert_eq!((children.array.as_str(), children.id.as_str()), ("saleItens", "idSaleItem"));
}

#[test]
fn a_cast_is_known_however_it_is_written() {
    for text in [
        "evo.as_int(d.a) as x",
        "EVO . \"as_int\" /* as y, */ (\n  -- from here\n  d.a\n  ) as x",
        "evo.as_int\n(\nd.a)\nAS\n\"x\"",
        "evo.as_int(d.a)::bigint as x",
        "1 + evo.as_int(d.a) as x",
    ] {
        let select = columns(&format!("{text}, ' evo.as_int(d.a) as y' as z"));
        let [_, x, z] = select.columns() else { panic!("{text}") };
        assert_eq!((x.name.as_str(), x.paths.join("|").as_str()), ("x", "a"), "{text}");
        assert!(x.can_misfit(select.records()) && !z.can_misfit(select.records()), "{text}");
        assert_eq!(select.casts().len(), 1, "{text}");
    }
}

#[test]
fn the_zones_that_a_model_names_are_known_with_their_places() {
    let select = columns(
        "d.a as x,\n evo.as_timestamptz(d.a, 'UTC') as y,\n evo.as_local(d.a) AT TIME ZONE 'America/Bahia' as z,\n \
         timezone('Asia/Tokyo', now()) as w, evo.as_timestamptz(d.a, {zone}) as v, d.a || 'zone' as u, zone as \"at\"",
    );
    let named: Vec<_> = select.zones().iter().map(|(zone, at)| (zone.as_str(), select.place(at.start))).collect();
    let places = [("UTC", 2), ("America/Bahia", 3), ("Asia/Tokyo", 4)];
    assert_eq!(named, places.map(|(zone, line)| (zone, format!("own.sql:{line}"))));
}

#[test]
fn paths_follow_names_and_steps() {
    for (text, path) in [
        ("d.\"Odd as\" as x", "Odd as"),
        ("evo.as_object(d.o) ->> 'id' as x", "o.id"),
        ("evo.as_object(evo.as_object(d.o) -> 'in') ->> 'id' as x", "o.in.id"),
        ("evo.as_int(d.o -> 0 ->> 'it''s') as x", "o[0].it's"),
        ("(d.o)['k'] as x", "o.k"),
        ("d.o #>> '{p,q}' as x", "o.p.q"),
        ("coalesce(d.a, s.raw_data -> 'deep' ->> 'er', d.a) as x", "a|deep.er"),
        ("s.run_id as x", ""),
        ("d.a || ' d.b ' /* d.b */ as x", "a"),
    ] {
        assert_eq!(columns(text).columns()[1].paths.join("|"), path, "{text}");
    }
}

#[test]
fn a_record_inside_of_a_record_has_the_path_of_both() {
    let text = "select s.id, evo.as_int(p.n) as n, q.name\nfrom {source} as s\n\
                cross join lateral jsonb_to_record(s.raw_data) as d (o jsonb)\n\
                cross join lateral jsonb_to_record(evo.as_object(d.o -> 'p')) as p (n text)\n\
                left join lateral jsonb_to_recordset(d.o -> 'list') as q (name text) on true where true;\n-- end";
    let select = parse(text).unwrap();
    let paths: Vec<String> = select.columns().iter().map(|column| column.paths.join("|")).collect();
    assert_eq!(paths, ["", "o.p.n", "o.list[].name"]);
    // What is read from an object that may be none is a misfit of its column, however deep it lies.
    assert_eq!(select.columns()[1].records, [0, 1]);
    assert!(!select.columns()[2].can_misfit(select.records()));
}

#[test]
fn sql_of_many_kinds_is_kept_as_it_is() {
    for text in [
        "extract(year from d.a::text::text) as x",
        "case when d.a is not distinct from d.b then 'from' else $$ from $$ end as x",
        "(select count(*) from jsonb_array_elements(d.o) e where e ? 'a') as x",
        "array[d.a, d.b]::text[] as x",
        "d.a is distinct from d.b as from",
        "percentile_disc(0.5) within group (order by d.a) over (partition by d.b) as x",
        "row_number() over w as x",
        "E'\\'as' || d.a as x",
        "cast(d.o as text) as x",
        "evo.as_int((select e ->> 'n' from jsonb_array_elements(d.o) e limit 1)) as x",
    ] {
        assert_eq!(columns(text).columns().len(), 2, "{text}");
    }
    let with = format!(
        "with k (n) as (values (1)) select distinct on (s.id) s.id, d.a{FROM} join k on k.n = 1 order by s.id;"
    );
    let select = parse(&with).unwrap();
    assert!(select.is_distinct() && select.text().starts_with("with k") && select.text().ends_with("s.id"));
}

#[test]
fn what_readings_could_not_keep_apart_is_refused_with_its_line() {
    let cases = [
        ("select s.id, evo.as_int(d.a){F}", 1, "a column has no name"),
        ("select s.id,\n d.*{F}", 2, "a column has no name"),
        ("select s.id, d.a, d.b as a{F}", 1, "given twice"),
        ("select s.id,, d.a{F}", 1, "between two commas"),
        ("select d.a{F}", 1, "gives no column \"id\""),
        ("select s.id,\n\n evo.try_int(d.a) as x{F}", 3, "nulls a value without an issue"),
        ("select s.id,\n evo.as_number(d.a) as x{F}", 2, "there is no cast evo.as_number"),
        ("select s.id, (\nselect max(evo.as_int(e)) from x e) as x{F}", 2, "inside a subselect"),
        ("select s.id, d.a{F}\nwhere evo.as_int(d.a) > 1", 4, "outside the select list"),
        ("with k as (select evo.as_int('1') as n) select s.id{F}", 1, "outside the select list"),
        ("select s.id, count(*) as n{F}\ngroup by s.id", 4, "a model cannot use group"),
        ("select s.id{F} limit 3", 3, "a model cannot use limit"),
        ("select s.id{F} union all select s.id{F}", 3, "a model cannot use union"),
        ("select s.id, d.a::int as x{F}", 1, "cast by the server"),
        ("select s.id, cast(d.a as numeric(3, 1)) as x{F}", 1, "cast by the server"),
        ("select s.id, (d.o ->> 'x')::int as x{F}", 1, "cast by the server"),
        ("select s.id, d.a{F}; select 2", 3, "a model is one select"),
        ("select s.id, d.a{F} where d.b = $1", 3, "parameters cannot be used"),
        ("select s.id, '{zone}' as x, {zones} as y{F}", 1, "not a placeholder"),
        ("select s.id from (select * from {source}) s", 1, "does not read from {source}"),
        ("select s.id from {source}", 1, "has no alias"),
        ("select s.id from {source} s join {source} t using (id)", 1, "read twice"),
        (
            "select s.id from {source} s cross join lateral jsonb_to_record(s.raw_data) as d (a int)",
            1,
            "neither text nor jsonb",
        ),
        (
            "select s.id\nfrom {source} s cross join lateral evo.as_children(s.raw_data, 'a', d.b) c",
            2,
            "not plain strings",
        ),
        (
            "select s.id from {source} s\nleft join lateral \
             (select * from evo.as_children(s.raw_data, 'a', 'b')) c on true",
            2,
            "outside the select list",
        ),
        ("select s.id, (evo.as_children(s.raw_data, 'a', 'b')).id as x from {source} s", 1, "is used in an expression"),
        ("select s.id, 'a as x{F}", 1, "quote is not closed"),
        ("select s.id, (d.a as x{F}", 1, "not closed"),
        ("select s.id, case when true then evo.as_int(d.a) as x{F}", 1, "a case has no end"),
        ("insert into x select s.id{F}", 1, "does not begin with select"),
        ("values (1)", 1, "does not begin with select"),
        ("select 1 as id", 1, "does not read from {source}"),
    ];
    for (text, line, message) in cases {
        let text = text.replace("{F}", FROM);
        let error = parse(&text).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().starts_with(&format!("own.sql:{line}: ")), "{text}\n{}", error.render());
        assert!(error.message().contains(message), "{text}\n{}", error.render());
    }
}
