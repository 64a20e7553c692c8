//! A model's fast reading: the server makes numbers as it takes the document apart, and an array's elements come out of it
//! in one step.
//!
//! `evo.as_bigint(d."idMember")` over a record of texts makes a text of each value first. Here the record itself has the
//! type. What differs is what a model promises of texts: `""` is null there and an error here, an id that comes twice
//! in an array is one row there and two here, an element without id is an error in both. So a chunk that fails, or gives
//! a key twice, is read again as the model says, and the chunks behind it as well. Of values that fit both give the same,
//! and neither takes what the other refuses: an amount is taken from a JSON number only, and where the server reads
//! `0x10` as an integer (from version 16 on) integers stay texts.

use super::text::{Rows, Text};
use crate::entity::{Children, Plain, Record, Select};

/// The casts that a record can do, and the type of its column for that. Not times: their casts know zones and offsets. Not
/// truth values: the server takes `tr` for true.
const TYPES: [(&str, &str); 3] = [("bigint", "bigint"), ("int", "integer"), ("decimal", "jsonb")];

/// The select with typed records in the place of texts. `None` if nothing in it can be typed, or if it does more than
/// models usually do: every doubt is resolved in favour of the text as it was written. `key` is the model's. With `plain`
/// integers are checked to be digits, for a server that reads more than the language of values has.
///
/// Where the result mentions [`AT_SESSION_ZONE`] the session's time zone must be the entity's.
pub(in crate::transform) fn typed(select: &Select, key: &[String], rows: Rows<'_>, plain: bool) -> Option<String> {
    let mut text = Text::new(select, rows);
    let typed = typed_fields(select);
    if let Some(children) = select.children() {
        unfold(select, children, (key, plain), &mut text)?;
    } else if typed.is_empty() {
        return None;
    }
    if is_free_of_zones(select) {
        for column in select.columns() {
            if let Some(value) = local(select.slice(&column.expression.span)) {
                text.replace(column.expression.span.clone(), format!("{AT_SESSION_ZONE}{value})"));
            }
        }
    }
    for column in select.columns() {
        if let Some(cast) = &column.plain
            && let Some((kind, _)) = TYPES.iter().find(|(kind, _)| *kind == cast.kind)
            && cast.fields.iter().all(|field| typed.iter().any(|(name, _)| *name == field))
        {
            text.replace(column.expression.span.clone(), value(select.slice(&cast.value), kind, plain));
        }
    }
    for record in select.records() {
        for column in &record.columns {
            let field = (record.alias.clone(), column.name.clone());
            if let Some((_, sql)) = typed.iter().find(|(name, _)| **name == field) {
                text.replace(column.kind.clone(), column_type(sql, plain).to_owned());
            }
        }
    }
    let text = text.all();
    match select.children() {
        Some(children) if !text.contains("jsonb_array_elements(case") => {
            Some(asked_of_the_array(&text, &children.alias))
        }
        _ => Some(text),
    }
}

/// How the question begins whether a field of an element is an object or an array.
fn question(alias: &str) -> String {
    format!("jsonb_typeof({alias}.value -> '")
}

/// The text with these questions asked of all elements at once: the elements are not at hand, and the answer is no but for odd ones.
fn asked_of_the_array(text: &str, alias: &str) -> String {
    let question = question(alias);
    let mut parts = text.split(&question);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once("') in ('object', 'array')") {
        Some((field, rest)) => format!("{text}evo.has_nested(evo_array.list, '{field}'){rest}"),
        None => text + &question + part,
    })
}

/// What a typed field is worth in its column.
fn value(value: &str, kind: &str, plain: bool) -> String {
    match kind {
        "decimal" => format!("({value})::numeric(15, 2)"),
        _ if plain => format!("evo.plain_{kind}({value})"),
        _ => value.to_owned(),
    }
}

/// The type of a record's column, where the server might read more than digits.
fn column_type(sql: &'static str, plain: bool) -> &'static str {
    match sql {
        "bigint" | "integer" if plain => "text",
        _ => sql,
    }
}

/// The cast of a local time by the session's time zone.
pub(in crate::transform) const AT_SESSION_ZONE: &str = "evo.at_session_zone(";

/// Calls in a model whose result does not depend on the session's time zone, and what else stands before a bracket.
const ZONELESS: [&str; 34] = [
    "to_iso",
    "as_bigint",
    "as_int",
    "as_decimal",
    "as_bool",
    "as_date",
    "as_timestamptz",
    "as_text",
    "as_short",
    "as_object",
    "as_array",
    "as_children",
    "has_nested",
    "coalesce",
    "nullif",
    "jsonb_typeof",
    "jsonb_build_object",
    "in",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "jsonb_array_elements",
    "array_agg",
    "filter",
    "lateral",
    "from",
    "select",
    "where",
    "and",
    "or",
    "not",
    "when",
    "then",
    "else",
    "on",
];
/// Words that ask for a time of the server's reading.
const ZONED: [&str; 9] = ["cast", "date", "time", "timestamp", "timestamptz", "timetz", "interval", "extract", "now"];

/// Whether the session's time zone plays no part in the model, so that it may be set: only calls that are known, no casts in
/// SQL's own notation, no clock.
fn is_free_of_zones(select: &Select) -> bool {
    let body = select.slice(&select.body()).to_owned();
    let text: String = body.lines().map(|line| line.split("--").next().unwrap_or_default().to_owned() + "\n").collect();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !text.contains("::")
        && text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).all(|word| {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            let (before, behind) = (&text[..at], &text[at + word.len()..]);
            let lower = word.to_ascii_lowercase();
            let is_named = before.ends_with(['.', '"', '\'']) || before.trim_end().ends_with(" as");
            let is_clock = ZONED.contains(&&*lower) || lower.starts_with("current_") || lower.starts_with("local");
            // `as d (` is a record's alias, `contacts jsonb)` its column
            let is_call = behind.trim_start().starts_with('(') && !before.trim_end().ends_with(" as");
            if is_call { ZONELESS.contains(&&*lower) } else { is_named || !is_clock }
        })
}

/// The text of `evo.as_timestamptz(text, {zone})`.
fn local(expression: &str) -> Option<&str> {
    let value = expression.strip_prefix("evo.as_timestamptz(")?.strip_suffix(", {zone})")?;
    (!value.contains("{zone}")).then_some(value)
}

/// A field of a record, and the type that it gets.
type Typed<'a> = (&'a (String, String), &'static str);

/// The texts of records that are read by one kind of cast only, and nowhere else.
fn typed_fields(select: &Select) -> Vec<Typed<'_>> {
    let plain: Vec<&Plain> = select.columns().iter().filter_map(|column| column.plain.as_ref()).collect();
    let is_text = |field: &(String, String)| {
        let record = select.records().iter().find(|record| record.alias == field.0 && !record.is_read_whole);
        record.and_then(|record| record.columns.iter().find(|column| column.name == field.1)).filter(|column| {
            let reads = plain.iter().flat_map(|plain| &plain.fields).filter(|name| *name == field).count();
            select.slice(&column.kind).eq_ignore_ascii_case("text") && column.reads == reads
        })
    };
    let of_kind = |field: &(String, String)| {
        let mut kinds = plain.iter().filter(|plain| plain.fields.contains(field)).map(|plain| plain.kind);
        kinds.next().filter(|first| kinds.all(|kind| kind == *first))
    };
    let mut typed: Vec<Typed<'_>> = Vec::new();
    for field in plain.iter().flat_map(|plain| &plain.fields) {
        let kind = of_kind(field).and_then(|kind| TYPES.iter().find(|(name, _)| *name == kind));
        if let (Some(_), Some((_, sql)), false) = (is_text(field), kind, typed.iter().any(|(name, _)| *name == field)) {
            typed.push((field, sql));
        }
    }
    // Alternatives in one cast are of one type or stay texts.
    loop {
        let has = |field: &(String, String)| typed.iter().any(|(name, _)| *name == field);
        let mixed: Vec<&(String, String)> =
            (plain.iter().map(|plain| &plain.fields)).filter(|fields| !fields.iter().all(has)).flatten().collect();
        let before = typed.len();
        typed.retain(|(name, _)| !mixed.contains(name));
        if typed.len() == before {
            return typed;
        }
    }
}

/// Takes the array out of the document once, instead of `evo.as_children(…) c` and the record of each `c.value`; the
/// record is that of an element. `None` where a repeated id might not show as a repeated key: the key is the parent's and
/// the id, and no row may be left out.
fn unfold(select: &Select, children: &Children, (key, plain): (&[String], bool), text: &mut Text<'_>) -> Option<()> {
    let record = element(select, children)?;
    let (last, of_parent) = key.split_last()?;
    let given = |name: &String, alias: &str, column: &str| {
        let reference = (alias.to_owned(), column.to_owned());
        select.columns().iter().any(|c| c.name == *name && c.reference.as_ref() == Some(&reference))
    };
    let is_usual = given(last, &children.alias, "id")
        && of_parent.iter().all(|column| given(column, select.source(), column))
        && children.id_reads == 1
        && !children.has_other_reads
        && !record.columns.iter().any(|column| column.name == children.id)
        && !select.is_distinct();
    if !is_usual {
        return None;
    }
    let id = select.columns().iter().find(|column| column.name == *last)?;
    let field = format!("{}.{}", crate::sql::ident(&record.alias), crate::sql::ident(&children.id));
    let field = value(&field, "bigint", plain);
    text.replace(id.expression.span.clone(), format!("coalesce({field}, evo.raise_misfit_child(evo_array.list))"));
    let column = format!("{} {}, ", crate::sql::ident(&children.id), column_type("bigint", plain));
    text.insert(record.columns.first()?.definition.start, column);
    let document = text.part(&children.document);
    let list = "case when jsonb_typeof(evo_array.list) = 'array' then evo_array.list \
                when jsonb_typeof(evo_array.list) <> 'null' then evo.raise_misfit_array(evo_array.list) end";
    // `offset 0` keeps the planner from writing the expression, and with it the decompression, into each place of its use.
    let array = format!(
        "cross join lateral (select {document} -> {} as list offset 0) evo_array",
        crate::sql::literal(&children.array)
    );
    // The record itself reads the value once.
    // So do the questions whether a field of it is an object, which can be asked of the whole array.
    let questions = select.text().matches(&question(&children.alias)).count();
    let call = match children.value_reads - questions > 1 {
        true => {
            format!(
                "{array}\ncross join lateral jsonb_array_elements({list}) {} (value)\ncross join lateral jsonb_to_record(",
                crate::sql::ident(&children.alias)
            ) + select.slice(&record.argument.span)
                + ")"
        }
        false => format!("{array}\ncross join lateral jsonb_to_recordset({list})"),
    };
    text.replace(children.cross_join.as_ref()?.start..record.call.end, call);
    Some(())
}

/// The record that takes each element apart, if nothing else is done with them before, or with the rows behind.
fn element<'a>(select: &'a Select, children: &Children) -> Option<&'a Record> {
    let [record] = select.records() else { return None };
    let value = (children.alias.clone(), "value".to_owned());
    let is_alone = children.cross_join.is_some() && record.follows_children && select.rest().is_empty();
    let is_of_element =
        record.function == "jsonb_to_record" && record.reference == Some(value) && !record.is_read_whole;
    (is_alone && is_of_element).then_some(record)
}
