//! Readings as texts.

use super::binding::Binding;
use super::misfits::misfits;
use super::typed::{AT_SESSION_ZONE, typed};
use super::written::{careful, written};
use crate::entity::{Catalog, Model, Select};

const ROWS: Binding<'_> = Binding { rows: "(select * from x)", zone: "'UTC'", also: None };

fn built_in(table: &str) -> Model {
    let catalog = Catalog::load(None).unwrap();
    catalog.all().iter().flat_map(|entity| &entity.models).find(|model| model.table == table).unwrap().clone()
}

fn parse(text: &str, key: &[&str]) -> Select {
    Select::parse("own.sql", text, &key.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn typed_of(table: &str) -> String {
    let model = built_in(table);
    typed(&model.select, &model.key, ROWS, false).unwrap()
}

#[test]
fn a_record_has_the_types_of_the_casts() {
    let sales = typed_of("core.evo_sales");
    assert!(sales.contains("\"idMember\" bigint,"), "{sales}");
    assert!(sales.contains("    d.\"idMember\" as member_id,\n"));
    assert!(sales.contains("\"saleSource\" integer"));
    assert!(sales.contains("\"idCorporatePartnership\" bigint"));
    // What is more than a cast stays a text, and so do times.
    assert!(sales.contains("removed text"));
    assert!(sales.contains("\"saleDate\" text"));
    assert!(sales.contains("evo.at_session_zone(d.\"saleDate\", \"d\".evo_clock_0) as sale_date"));
    assert!(sales.contains("evo.as_bool(coalesce(nullif(d.removed, ''), 'false')) as removed"));
}

#[test]
fn an_array_is_unfolded_in_one_step_unless_its_elements_are_needed_whole() {
    let items = typed_of("core.evo_sale_items");
    assert!(items.contains("jsonb_to_recordset(case"), "{items}");
    assert!(items.contains("as d (\n    \"idSaleItem\" bigint, description text"));
    assert!(items.contains("coalesce(\"d\".\"idSaleItem\", evo.raise_misfit_child(evo_array.list)) as sale_item_id"));
    assert!(items.contains("(d.\"itemValue\")::numeric(15, 2) as item_value"));
    assert!(items.contains("\"itemValue\" jsonb"));
    assert!(!items.contains("as_children"));
    let memberships = typed_of("core.evo_member_memberships");
    assert!(memberships.contains("jsonb_array_elements(case"), "{memberships}");
    assert!(memberships.contains("jsonb_to_record(c.value) as d (\n    \"idMemberMembership\" bigint"));
}

#[test]
fn a_record_with_several_local_times_parses_each_once() {
    let receivables = typed_of("core.evo_receivables");
    let wrapped =
        "cross join lateral (select \"d\".*, nullif(\"d\".\"registrationDate\", '')::timestamp as evo_clock_0, ";
    assert!(receivables.contains(wrapped), "{receivables}");
    assert!(receivables.contains(" as evo_clock_4 from jsonb_to_recordset(case"));
    assert!(receivables.ends_with("\"paymentType\" jsonb) offset 0) \"d\""));
    assert!(receivables.contains("evo.at_session_zone(d.\"dueDate\", \"d\".evo_clock_1) as due_date"));
    for (table, last) in [("core.evo_members", 3), ("core.evo_member_memberships", 10)] {
        assert!(typed_of(table).contains(&format!("evo_clock_{last} from jsonb_to_record(")), "{}", typed_of(table));
    }
    // One time does not pay for the wrap, and what is no plain field is read as it is.
    assert!(!typed_of("core.evo_entries").contains("evo_clock"));
    let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, t text, u text)";
    let of = |list: &str, from: &str| {
        let text = format!("select\n    evo.as_int(d.a) as a,\n    {list}{from}");
        typed(&parse(&text, &[]), &[], ROWS, false).unwrap()
    };
    let times = "evo.as_timestamptz(d.t, {zone}) as x,\n    evo.as_timestamptz(d.u, {zone}) as y";
    assert!(of(times, from).ends_with("(a integer, t text, u text) offset 0) \"d\""), "{}", of(times, from));
    for (list, from) in [
        (times.replace("d.u", "d.t"), from.to_owned()),
        (times.replace("d.u", "coalesce(d.u, '')"), from.to_owned()),
        (format!("{times},\n    s.day::date as day"), from.to_owned()),
        (times.to_owned(), from.replace("lateral ", "")),
        (times.to_owned(), from.replace("u text", "u text, evo_clock_x text")),
    ] {
        assert!(!of(&list, &from).contains("evo_clock_0"), "{list}{from}");
    }
}

#[test]
fn a_value_in_an_object_is_read_once() {
    let receivables = typed_of("core.evo_receivables");
    let id = "coalesce(d.status ->> 'id', evo.as_object(d.status) ->> 'id')";
    assert!(receivables.contains(&format!("({id})::integer as status_id")), "{receivables}");
    let kind =
        |name: &str| format!("coalesce(d.\"paymentType\" ->> '{name}', evo.as_object(d.\"paymentType\") ->> '{name}')");
    let kinds = format!("(coalesce({}, {}))::integer as payment_type_id", kind("id"), kind("idPaymentType"));
    assert!(receivables.contains(&kinds), "{receivables}");
    let name = format!("evo.as_text({}, jsonb_typeof(evo.as_object(d.\"paymentType\") -> 'name')", kind("name"));
    assert!(receivables.contains(&name), "{receivables}");
    let model = built_in("core.evo_receivables");
    let plain = typed(&model.select, &model.key, ROWS, true).unwrap();
    assert!(plain.contains(&format!("evo.plain_int({id}) as status_id")), "{plain}");
    let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (n text, o jsonb)";
    let of = |expression: &str| {
        let text = format!("select\n    evo.as_int(d.n) as n,\n    {expression} as x{from}");
        let typed = typed(&parse(&text, &[]), &[], ROWS, false).unwrap();
        typed.split_once(" as n,\n    ").unwrap().1.split_once(" as x\n").unwrap().0.to_owned()
    };
    let read = "coalesce(d.o ->> 'a', evo.as_object(d.o) ->> 'a')";
    assert_eq!(of("evo.as_object(d.o) ->> 'a'"), read);
    assert_eq!(of("evo.as_bigint( evo.as_object(d.o) ->> 'a' ) + 1"), format!("({read})::bigint + 1"));
    assert_eq!(of("evo.as_bool(evo.as_object(d.o) ->> 'a')"), format!("evo.as_bool({read})"));
    // Something else binds first, or would be read twice, or is no text.
    for as_written in [
        "'x' || evo.as_object(d.o) ->> 'a'",
        "'x' || -- (\n evo.as_object(d.o) ->> 'a'",
        "evo.as_object(d.o -> 'p') ->> 'a'",
        "evo.as_object(d.o) -> 'a'",
        "evo.as_object(d.o) ->> 'it''s'",
        "evo.as_object(d.o) ->> 0",
    ] {
        assert_eq!(of(as_written), as_written);
    }
}

#[test]
fn what_is_read_in_two_ways_stays_a_text() {
    let from = "\nfrom {source} s\ncross join lateral \
                jsonb_to_record(s.raw_data) as d (\n    a text, b text, c text, e jsonb)";
    let text = format!(
        "select\n    evo.as_int(d.a) as a,\n    d.a as raw,\n    evo.as_int(coalesce(d.a, d.b)) as b,\n    \
         evo.as_int(d.c) as c{from}"
    );
    let typed = typed(&parse(&text, &[]), &[], ROWS, false).unwrap();
    assert!(typed.contains("a text, b text, c integer, e jsonb)"), "{typed}");
    assert!(typed.contains("evo.as_int(coalesce(d.a, d.b)) as b"));
}

#[test]
fn a_model_without_casts_is_read_as_it_is() {
    let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text)";
    assert_eq!(typed(&parse(&format!("select\n    d.a as a{from}"), &[]), &[], ROWS, false), None);
    assert_eq!(typed(&parse("select\n    evo.as_int(s.x) as a\nfrom {source} s", &[]), &[], ROWS, false), None);
}

#[test]
fn a_column_that_is_also_read_in_another_manner_stays_a_text() {
    let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (code text, \"Id\" text)";
    let list = "select\n    evo.as_int(d.code) as code";
    for other in
        ["d.CODE as raw", "d.\"code\" as raw", "upper(code) as raw", "to_jsonb(d) as raw", "to_jsonb(d.*) as raw"]
    {
        assert_eq!(typed(&parse(&format!("{list},\n    {other}{from}"), &[]), &[], ROWS, false), None, "{other}");
    }
    for other in ["d.\"Id\" as code_too", "'d.code' as raw", "s.code as raw", "1 as raw -- code"] {
        let typed = typed(&parse(&format!("{list},\n    {other}{from}"), &[]), &[], ROWS, false).unwrap();
        assert!(typed.contains("code integer"), "{other}");
    }
}

#[test]
fn an_array_is_unfolded_as_written_if_a_repeated_id_might_not_show() {
    let key = ["sale_id".to_owned(), "item_id".to_owned()];
    let text = "select\n    s.sale_id,\n    c.id as item_id,\n    evo.as_int(d.a) as a\nfrom {source} s\n\
                cross join lateral evo.as_children(s.raw_data, 'items', 'idItem') c\n\
                cross join lateral jsonb_to_record(c.value) as d (a text)";
    let typed = |text: &str| typed(&parse(text, &["sale_id", "item_id"]), &key, ROWS, false);
    assert!(typed(text).is_some());
    assert!(typed(&text.replace("as a\n", "as a, loc.id as x\n")).is_some());
    for (from, to) in [
        ("(a text)", "(a text)\nwhere d.a is not null"),
        ("(a text)", "(a text, \"idItem\" text)"),
        ("select", "select distinct"),
        ("c.id as", "evo.as_int(d.a) as"),
        ("s.sale_id", "evo.as_int(d.a) as sale_id"),
        ("as a\n", "as a, c.id + 1 as b\n"),
        ("as a\n", "as a, to_jsonb(d) as b\n"),
        ("as a\n", "as a, to_jsonb(c) as b\n"),
        ("as a\n", "as a, value as b\n"),
        (
            "cross join lateral jsonb_to_record(c.value) as d (a text)",
            "left join lateral jsonb_to_record(c.value) as d (a text) on true",
        ),
    ] {
        assert_eq!(typed(&text.replacen(from, to, 1)), None, "{to}");
    }
}

#[test]
fn misfits_are_listed_by_the_select_list_only() {
    let model = built_in("core.evo_sale_items");
    let text = misfits(&model.select, ROWS);
    assert!(text.contains("evo.misfit_decimal(d.\"itemValue\")"), "{text}");
    assert!(text.contains("evo.try_children(s.raw_data, 'saleItens', 'idSaleItem')"));
    assert!(text.contains("evo.misfit_timestamptz(d.\"membershipStartDate\", 'UTC')"));
    assert!(!text.contains("evo.as_"));
}

#[test]
fn only_what_is_evaluated_is_a_misfit() {
    let from =
        "\nfrom {source} t\ncross join lateral jsonb_to_record(t.raw_data) as d (a text, b text, k text, o jsonb)";
    for (text, misfit) in [
        ("evo.as_int(d.a) as x", "evo.misfit_int(d.a)"),
        ("evo.as_int(\n d.a -- a\n ) + 1 as x", "evo.misfit_int(d.a)"),
        (
            "evo.as_int(evo.as_object(d.o) ->> 'id') as x",
            "coalesce(evo.misfit_object(d.o), evo.misfit_int(evo.try_object(d.o) ->> 'id'))",
        ),
        ("evo.as_object(d.o) ->> 'name' as x", "evo.misfit_object(d.o)"),
        (
            "coalesce(d.b, evo.as_object(d.o) ->> 'name') as x",
            "case when (d.b) is null then evo.misfit_object(d.o) end",
        ),
        (
            "case d.k when 'a' then evo.as_int(d.a) when 'b' then 0 else evo.as_int(d.b) end as x",
            "case d.k when 'a' then evo.misfit_int(d.a) else \
             case d.k when 'b' then null::text else evo.misfit_int(d.b) end end",
        ),
        ("case when evo.as_bool(d.k) then 1 end as x", "evo.misfit_bool(d.k)"),
    ] {
        let select = parse(&format!("select t.id, {text}{from}"), &[]);
        let text = misfits(&select, ROWS);
        assert!(
            text.contains(&format!(" as x,\n    {misfit} as evo_misfit_1,\n    \"t\"._source_file as evo_source_file")),
            "{text}"
        );
    }
}

#[test]
fn an_object_that_is_none_is_a_misfit_of_each_column_that_is_read_from_it() {
    // Also through a record inside of it, and without naming the alias.
    let text = "select s.id, upper(deep) as deep from {source} s\n\
                cross join lateral jsonb_to_record(evo.as_object(s.raw_data -> 'p')) as p (o jsonb)\n\
                cross join lateral jsonb_to_record(evo.as_object(o)) as q (deep text)";
    let select = parse(text, &[]);
    assert_eq!(select.columns()[1].paths, ["p.o.deep"]);
    let expected = "coalesce(evo.misfit_object(s.raw_data -> 'p'), evo.misfit_object(o)) as evo_misfit_1,\n";
    assert!(misfits(&select, ROWS).contains(expected), "{}", misfits(&select, ROWS));
    let text = "select s.id, p.name, evo.as_int(p.n) as n from {source} s\n\
                cross join lateral jsonb_to_record(evo.as_object(s.raw_data -> 'p')) as p (name text, n text)";
    let text = misfits(&parse(text, &[]), ROWS);
    let object = "evo.misfit_object(s.raw_data -> 'p')";
    assert!(
        text.contains(&format!(
            "{object} as evo_misfit_1,\n    coalesce({object}, evo.misfit_int(p.n)) as evo_misfit_2"
        )),
        "{text}"
    );
    assert!(text.starts_with("select s.id, p.name, evo.try_int(p.n) as n,\n"), "{text}");
    assert!(text.contains("jsonb_to_record(evo.try_object(s.raw_data -> 'p'))"));
}

#[test]
fn what_a_model_says_in_quotes_and_comments_is_kept() {
    let text = "select s.id, 'evo.as_int({source}) {zone}' as x, /* evo.as_int( */ {zone} as z\n\
                from {source} s -- {zone}\nwhere true";
    let select = parse(text, &[]);
    let expected = text.replacen("*/ {zone}", "*/ 'UTC'", 1).replacen("from {source}", "from (select * from x)", 1);
    assert_eq!(written(&select, ROWS), expected);
    assert_eq!(careful(&select, ROWS), expected);
}

#[test]
fn integers_stay_texts_where_the_server_reads_more_than_digits() {
    let model = built_in("core.evo_sale_items");
    let items = typed(&model.select, &model.key, ROWS, true).unwrap();
    assert!(items.contains("\"idSaleItem\" text, description text"), "{items}");
    assert!(items.contains("coalesce(evo.plain_bigint(\"d\".\"idSaleItem\"), evo.raise_misfit_child"));
    assert!(items.contains("evo.plain_int(d.quantity) as quantity"));
    assert!(!items.contains(" bigint") && !items.contains(" integer"));
}

#[test]
fn the_session_s_zone_reads_times_only_where_nothing_else_depends_on_it() {
    let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, t text)";
    let is_zoned = |other: &str| {
        let list =
            format!("select\n    evo.as_int(d.a) as a,\n    evo.as_timestamptz(d.t, {{zone}}) as at,\n    {other}");
        typed(&parse(&format!("{list}{from}"), &[]), &[], ROWS, false).unwrap().contains(AT_SESSION_ZONE)
    };
    for free in ["s._loaded_at", "coalesce(d.t, 'x') as date", "evo.as_date(d.t) as \"time\""] {
        assert!(is_zoned(free), "{free}");
    }
    for bound in [
        "s._loaded_at::date as day",
        "cast(s._loaded_at as date) as day",
        "date_trunc('day', s._loaded_at) as day",
        "current_date as today",
        "date '2024-01-01' as day",
        "s._loaded_at > timestamptz '2024-01-01' as is_new",
    ] {
        assert!(!is_zoned(bound), "{bound}");
    }
    for table in ["core.evo_members", "core.evo_entries", "core.evo_receivables", "core.evo_member_memberships"] {
        assert!(typed_of(table).contains(AT_SESSION_ZONE), "{table}");
    }
}

#[test]
fn a_list_in_a_cell_is_read_without_a_call() {
    let text = "select\n    s.id,\n    t.tag,\n    'evo.text_array(' as x\nfrom {source} s\ncross join lateral (\n    \
                select distinct e.tag\n    \
                from jsonb_array_elements_text(EVO.\"text_array\" (s.raw_data ->> 'tags')) as e (tag)\n) t";
    let select = parse(text, &["id", "tag"]);
    let source = |text: &str| text.replace("{source}", "(select * from x)");
    assert_eq!(typed(&select, &[], ROWS, false), Some(source(&text.replace("\"text_array\"", "plain_array"))));
    assert_eq!((written(&select, ROWS), careful(&select, ROWS)), (source(text), source(text)));
    // Somebody else's function of that name is none of evo's.
    assert_eq!(typed(&parse(&text.replace("EVO.", "own."), &[]), &[], ROWS, false), None);
}

/// A sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

/// A model with everything that models may say, cut where it may be broken.
const CUTTABLE: &str = "with | w | ( | k | ) | as | ( | values | ( | 'x' | ) | )\n | select | s | . | visit_id | , | \
    evo | . | as_int | (\n | d | . | n\n | ) | as | a | , | case | when | d | . | \"k, as\" | = | \
    'a' | then | evo | . | as_int | ( | d | . | n | ) | else | evo | . | as_bigint | ( | coalesce | \
    ( | d | . | n | , | d | . | m | ) | ) | end | as | b | , | extract | ( | year | from | evo | \
    . | as_date | ( | d | . | m | ) | ) | :: | int | as | c | , | ( | select | max | ( | k | ) | \
    from | w | ) | as | e | , | evo | . | as_object | ( | d | . | o | ) | ->> | 'p' | as | f | , | \
    d | . | m\n | from | {source} | s | cross | join | lateral | jsonb_to_record | ( | s | . | \
    raw_data | ) | as | d | ( | n | text | , | m | text | , | \"k, as\" | text | , | o | jsonb | )";

#[test]
fn a_model_with_a_random_mistake_is_refused_with_its_line_or_every_reading_can_render_it() {
    let words: Vec<&str> = CUTTABLE.split(" | ").collect();
    let mut numbers = Numbers(7);
    let (mut refused, mut rendered) = (0, 0);
    for _ in 0..3000 {
        let mut words = words.clone();
        let (at, other) = (numbers.below(words.len()), numbers.below(words.len()));
        match numbers.below(4) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[other]),
            2 => words.swap(at, other),
            _ => words.insert(
                at,
                [")", "(", "'", "as", "evo.as_int(d.n)", "d.m", "/*", "--", "from", ";"][numbers.below(10)],
            ),
        }
        let text = words.join(" ");
        match Select::parse("own.sql", &text, &["visit_id".to_owned()]).and_then(Select::guarded) {
            Err(error) => {
                let line = error.message().strip_prefix("own.sql:").and_then(|rest| rest.split(':').next());
                let line: usize = line.and_then(|line| line.parse().ok()).unwrap_or_default();
                assert!((1..=text.lines().count() + 1).contains(&line), "{text}\n{}", error.render());
                refused += 1;
            }
            Ok(select) => {
                let careful = careful(&select, ROWS);
                let code = careful.split("--").next().unwrap().split("/*").next().unwrap().split('\'').step_by(2);
                let casts = code.flat_map(|code| code.split("evo . as_").skip(1).chain(code.split("evo.as_").skip(1)));
                let is_call =
                    |rest: &&str| rest.trim_start_matches(|c: char| c.is_alphabetic()).trim_start().starts_with('(');
                let strict: Vec<&str> = casts.filter(is_call).collect();
                assert!(strict.is_empty(), "a cast that no reading knows: {careful}");
                let misfits = misfits(&select, ROWS);
                assert!(
                    misfits.contains("evo_misfit_")
                        == (select.columns().iter().any(|c| c.can_misfit(select.records())))
                );
                let _ = typed(&select, &["visit_id".to_owned()], ROWS, false);
                rendered += 1;
            }
        }
    }
    assert!(refused > 1000 && rendered > 500, "{refused} refused, {rendered} rendered");
}
