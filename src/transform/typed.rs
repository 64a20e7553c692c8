//! A model's fast reading: the server parses numbers and truth values as it takes the document apart, and an array's
//! elements come out of it in one step.
//!
//! `evo.as_bigint(d."idMember")` over a record of texts makes a text of each value first. Here the record itself has the
//! type. What differs is what a model promises of texts: `""` is null there and an error here, an id that comes twice
//! in an array is one row there and two here, an element without id is an error in both. So a chunk that fails, or gives
//! a key twice, is read again as the model says, and the chunks behind it as well. Of values that fit both give the same.

use std::collections::BTreeMap;

use super::model::{children_call, from_clause};

/// The types that a record parses as the casts do. Not times: their casts know zones, offsets and the year 1.
const TYPES: [(&str, &str); 4] =
    [("bigint", "bigint"), ("int", "integer"), ("decimal", "numeric(15, 2)"), ("bool", "boolean")];

const RECORD: &str = "as d (";

/// The select with typed records in the place of texts, placeholders and all. `None` if nothing in it can be typed, or if
/// it does more than models usually do: every doubt is resolved in favour of the text as it was written. `key` is the model's.
pub(super) fn typed(select: &str, key: &[String]) -> Option<String> {
    let (list, from) = select.split_at(from_clause(select));
    let Record { before, columns, behind } = record(from)?;
    let code = list.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let text = format!("{code}{before}{behind}");
    if from.contains("--") || is_read_whole(&text) {
        return None;
    }
    let types = types(list, &text, &columns);
    let mut list = list.lines().map(|line| typed_line(line, &types)).collect::<Vec<_>>().join("\n");
    let mut columns: Vec<String> = columns
        .iter()
        .map(|(name, kind)| format!("{name} {}", types.get(*name).map_or(*kind, |i| TYPES[*i].1)))
        .collect();
    let mut before = before.to_owned();
    if let Some(call) = children_call(select) {
        let id = call.rsplit('\'').nth(1)?;
        // A repeated id must show as a repeated key: the key is the parent's and the id, and no row is left out.
        let (last, of_parent) = key.split_last()?;
        let given = |value: &str| list.lines().any(|line| line.trim().trim_end_matches(',') == value);
        let is_plain = behind.trim().is_empty()
            && !words(&list).any(|(_, word)| word.eq_ignore_ascii_case("distinct"))
            && given(&format!("c.id as {last}"))
            && of_parent.iter().all(|column| given(&format!("s.{column}")))
            && list.matches("c.id").count() == 1
            && !columns.iter().any(|column| column.starts_with(&format!("\"{id}\" ")));
        if !is_plain {
            return None;
        }
        before = unfolded(&before, call, list.contains("c.value"))?;
        columns.insert(0, format!("\"{id}\" bigint"));
        list = list.replace("c.id as ", &format!("coalesce(d.\"{id}\", evo.raise_misfit_child(evo_array.list)) as "));
    } else if types.is_empty() {
        return None;
    }
    Some(format!("{list}{before}{RECORD}{}){behind}", columns.join(", ")))
}

/// Whether the record is used as a whole, `to_jsonb(d)` or `d.*`.
fn is_read_whole(text: &str) -> bool {
    words(text).any(|(at, word)| {
        let behind = &text[at + word.len()..];
        let is_field = behind.strip_prefix('.').is_some_and(|name| name.starts_with(|c: char| c == '"' || is_part(c)));
        word.eq_ignore_ascii_case("d") && !is_field && !text[..at].ends_with('"')
    })
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a text, and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// A from clause around its record.
struct Record<'a> {
    before: &'a str,
    /// Names and types.
    columns: Vec<(&'a str, &'a str)>,
    behind: &'a str,
}

fn record(from: &str) -> Option<Record<'_>> {
    let at = from.find(RECORD)?;
    let (columns, behind) = from[at + RECORD.len()..].split_once(')')?;
    let columns = columns.split(',').map(|column| column.trim().split_once(' ')).collect::<Option<Vec<_>>>()?;
    Some(Record { before: &from[..at], columns, behind })
}

/// Columns of the record that are read by one kind of cast only, and nowhere else in `text`, in whatever spelling.
fn types<'a>(list: &str, text: &str, columns: &[(&'a str, &str)]) -> BTreeMap<&'a str, usize> {
    let casts: Vec<_> = list.lines().filter_map(cast).collect();
    let mut types = BTreeMap::new();
    for (name, kind) in columns {
        let bare = name.trim_matches('"');
        let is_alias = |at: usize| text[..at].trim_end_matches('"').ends_with("as ");
        let mentions = words(text).filter(|(at, word)| word.eq_ignore_ascii_case(bare) && !is_alias(*at)).count();
        let kinds =
            |i: usize| casts.iter().filter(|c| c.0 == i).flat_map(|c| &c.1).filter(|field| *field == name).count();
        let read_by = (0..TYPES.len()).find(|i| kinds(*i) == mentions && mentions > 0);
        if let (Some(i), "text") = (read_by, *kind) {
            types.insert(*name, i);
        }
    }
    // Alternatives in one cast are of one type or stay texts.
    loop {
        let mixed: Vec<&str> = casts
            .iter()
            .filter(|(i, fields)| !fields.iter().all(|field| types.get(field) == Some(i)))
            .flat_map(|(_, fields)| fields)
            .filter_map(|field| types.keys().find(|name| *name == field).copied())
            .collect();
        if mixed.is_empty() {
            return types;
        }
        types.retain(|name, _| !mixed.contains(name));
    }
}

/// The type of `evo.as_<type>(d.a) as name` or `evo.as_<type>(coalesce(d.a, d.b)) as name`, and the fields read.
fn cast(line: &str) -> Option<(usize, Vec<&str>)> {
    let (kind, argument) = line.trim().strip_prefix("evo.as_")?.split_once('(')?;
    let i = TYPES.iter().position(|(name, _)| *name == kind)?;
    let (argument, _) = argument.rsplit_once(") as ")?;
    let fields = argument.strip_prefix("coalesce(").and_then(|a| a.strip_suffix(')')).unwrap_or(argument);
    let is_name = |name: &str| {
        let bare = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')).unwrap_or(name);
        !bare.is_empty() && bare.chars().all(is_part)
    };
    let fields = fields.split(", ").map(|field| field.strip_prefix("d.").filter(|name| is_name(name)));
    Some((i, fields.collect::<Option<Vec<_>>>()?))
}

fn typed_line(line: &str, types: &BTreeMap<&str, usize>) -> String {
    let Some((i, _)) = cast(line).filter(|(i, fields)| fields.iter().all(|field| types.get(field) == Some(i))) else {
        return line.to_owned();
    };
    let call = format!("evo.as_{}(", TYPES[i].0);
    let Some((value, name)) = line.trim().strip_prefix(&call).and_then(|rest| rest.rsplit_once(") as ")) else {
        return line.to_owned();
    };
    match TYPES[i].0 {
        // numeric takes 'NaN', which is no amount
        "decimal" => format!(
            "    case when {value} = 'NaN' then evo.raise_misfit({value}::text)::text::numeric else {value} end as {name}"
        ),
        _ => format!("    {value} as {name}"),
    }
}

/// The from clause with the array taken out of the document once, instead of `evo.as_children(…) c` and the record of
/// each `c.value`; the record is that of an element.
fn unfolded(before: &str, call: &str, needs_value: bool) -> Option<String> {
    let (document, array) = call.split_once(", ").map(|(document, rest)| (document, rest.split(", ").next()))?;
    let children =
        format!("cross join lateral evo.as_children({call}) c\ncross join lateral jsonb_to_record(c.value) ");
    let start = before.strip_suffix(&children)?;
    let list = "case when jsonb_typeof(evo_array.list) = 'array' then evo_array.list \
                when jsonb_typeof(evo_array.list) <> 'null' then evo.raise_misfit_array(evo_array.list) end";
    // `offset 0` keeps the planner from writing the expression, and with it the decompression, into each place of its use.
    Some(format!(
        "{start}cross join lateral (select {document} -> {} as list offset 0) evo_array\n{}",
        array?,
        match needs_value {
            true => format!(
                "cross join lateral jsonb_array_elements({list}) c (value)\ncross join lateral jsonb_to_record(c.value) "
            ),
            false => format!("cross join lateral jsonb_to_recordset({list}) "),
        }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Catalog;

    fn model(table: &str) -> String {
        let catalog = Catalog::load(None).unwrap();
        let model = catalog.all().iter().flat_map(|entity| &entity.models).find(|model| model.table == table).unwrap();
        typed(&model.select, &model.key).unwrap()
    }

    #[test]
    fn a_record_has_the_types_of_the_casts() {
        let sales = model("core.evo_sales");
        assert!(sales.contains("\"idMember\" bigint,"), "{sales}");
        assert!(sales.contains("    d.\"idMember\" as member_id,\n"));
        assert!(sales.contains("\"saleSource\" integer"));
        assert!(sales.contains("\"idCorporatePartnership\" bigint"));
        // What is more than a cast stays a text, and so do times.
        assert!(sales.contains("removed text"));
        assert!(sales.contains("\"saleDate\" text"));
        assert!(sales.contains("evo.as_bool(coalesce(nullif(d.removed, ''), 'false')) as removed"));
    }

    #[test]
    fn an_array_is_unfolded_in_one_step_unless_its_elements_are_needed_whole() {
        let items = model("core.evo_sale_items");
        assert!(items.contains("jsonb_to_recordset(case"), "{items}");
        assert!(items.contains("as d (\"idSaleItem\" bigint, description text"));
        assert!(items.contains("coalesce(d.\"idSaleItem\", evo.raise_misfit_child(evo_array.list)) as sale_item_id"));
        assert!(items.contains("case when d.\"itemValue\" = 'NaN' then"));
        assert!(!items.contains("as_children"));
        let memberships = model("core.evo_member_memberships");
        assert!(memberships.contains("jsonb_array_elements(case"), "{memberships}");
        assert!(memberships.contains("jsonb_to_record(c.value) as d (\"idMemberMembership\" bigint"));
    }

    #[test]
    fn what_is_read_in_two_ways_stays_a_text() {
        let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (\n    a text, b text, c text, e jsonb)";
        let text = format!(
            "select\n    evo.as_int(d.a) as a,\n    d.a as raw,\n    evo.as_int(coalesce(d.a, d.b)) as b,\n    evo.as_bool(d.c) as c{from}"
        );
        let typed = typed(&text, &[]).unwrap();
        assert!(typed.ends_with("as d (a text, b text, c boolean, e jsonb)"), "{typed}");
        assert!(typed.contains("evo.as_int(coalesce(d.a, d.b)) as b"));
    }

    #[test]
    fn a_model_without_casts_is_read_as_it_is() {
        let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text)";
        assert_eq!(typed(&format!("select\n    d.a as a{from}"), &[]), None);
        assert_eq!(typed("select\n    evo.as_int(s.x) as a\nfrom {source} s", &[]), None);
    }

    #[test]
    fn a_column_that_is_also_read_in_another_spelling_stays_a_text() {
        let from = "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (code text, \"Id\" text)";
        for other in
            ["d.CODE as raw", "d.\"code\" as raw", "upper(code) as raw", "evo.as_int(d.\"Id\") as id, d.code as raw"]
        {
            let typed = typed(
                &format!("select\n    evo.as_int(d.code) as code,\n    {other},\n    evo.as_int(d.\"Id\") as x{from}"),
                &[],
            );
            assert!(typed.is_none_or(|text| text.contains("code text")), "{other}");
        }
        for whole in ["to_jsonb(d) as raw", "d.* "] {
            assert_eq!(typed(&format!("select\n    evo.as_int(d.code) as code,\n    {whole}{from}"), &[]), None);
        }
        assert!(typed(&format!("select\n    evo.as_int(d.code) as code{from}"), &[]).unwrap().contains("code integer"));
    }

    #[test]
    fn an_array_is_unfolded_as_written_if_a_repeated_id_might_not_show() {
        let key = ["sale_id".to_owned(), "item_id".to_owned()];
        let from = "\nfrom {source} s\ncross join lateral evo.as_children(s.raw_data, 'items', 'idItem') c\n\
                    cross join lateral jsonb_to_record(c.value) as d (a text)";
        let list = "select\n    s.sale_id,\n    c.id as item_id,\n    evo.as_int(d.a) as a";
        assert!(typed(&format!("{list}{from}"), &key).is_some());
        assert_eq!(typed(&format!("{list}{from}\nwhere d.a is not null"), &key), None);
        assert_eq!(typed(&format!("{list},\n    loc.id as x{from}"), &key), None);
        assert_eq!(typed(&format!("{}{from}", list.replace("select", "select distinct")), &key), None);
        assert_eq!(typed(&format!("{}{from}", list.replace("c.id", "evo.as_int(d.a)")), &key), None);
        assert_eq!(typed(&format!("{}{from}", list.replace("s.sale_id", "evo.as_int(d.b) as sale_id")), &key), None);
    }
}
