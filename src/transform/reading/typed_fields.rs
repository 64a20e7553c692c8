//! Which fields of a model's records can have another type than text.

use crate::entity::{PlainCast, Select};

/// The casts that a record can do, and the type of its column for that. Not times: their casts know zones and
/// offsets. Not truth values: the server takes `tr` for true.
const TYPES: [(&str, &str); 3] = [("bigint", "bigint"), ("int", "integer"), ("decimal", "jsonb")];

/// A field of a record, and the type that it gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct TypedField<'a> {
    /// Alias of the record, and column.
    pub name: &'a (String, String),
    pub sql_type: &'static str,
}

/// The texts of records that one kind of cast reads, and nothing else.
pub(super) fn typed_fields(select: &Select) -> Vec<TypedField<'_>> {
    let casts: Vec<&PlainCast> = select.columns().iter().filter_map(|column| column.plain.as_ref()).collect();
    let mut typed: Vec<TypedField<'_>> = Vec::new();
    for name in casts.iter().flat_map(|cast| &cast.fields) {
        let is_known = typed.iter().any(|field| field.name == name);
        if let (false, true, Some(sql_type)) = (is_known, is_cast_only(select, &casts, name), sql_type(&casts, name)) {
            typed.push(TypedField { name, sql_type });
        }
    }
    // Alternatives in one cast have one type or stay texts.
    loop {
        let has = |name: &(String, String)| typed.iter().any(|field| field.name == name);
        let mixed = casts.iter().map(|cast| &cast.fields).filter(|fields| !fields.iter().all(has));
        let mixed: Vec<&(String, String)> = mixed.flatten().collect();
        let before = typed.len();
        typed.retain(|field| !mixed.contains(&field.name));
        if typed.len() == before {
            return typed;
        }
    }
}

/// Whether the field is a text of a record that nothing reads but these casts.
fn is_cast_only(select: &Select, casts: &[&PlainCast], name: &(String, String)) -> bool {
    let record = select.records().iter().find(|record| record.alias == name.0 && !record.is_read_whole);
    let column = record.and_then(|record| record.columns.iter().find(|column| column.name == name.1));
    column.is_some_and(|column| {
        let reads = casts.iter().flat_map(|cast| &cast.fields).filter(|field| *field == name).count();
        select.slice(&column.kind).eq_ignore_ascii_case("text") && column.reads == reads
    })
}

/// The type for the one kind of cast that reads the field; `None` if there are several.
fn sql_type(casts: &[&PlainCast], name: &(String, String)) -> Option<&'static str> {
    let mut kinds = casts.iter().filter(|cast| cast.fields.contains(name)).map(|cast| cast.kind);
    let first = kinds.next().filter(|first| kinds.all(|kind| kind == *first))?;
    TYPES.iter().find(|(kind, _)| *kind == first).map(|(_, sql_type)| *sql_type)
}

/// The value of a typed field in its column.
pub(super) fn value(value: &str, kind: &str, is_plain: bool) -> String {
    match kind {
        "decimal" => format!("({value})::numeric(15, 2)"),
        _ if is_plain => format!("evo.plain_{kind}({value})"),
        _ => value.to_owned(),
    }
}

/// The type of a record's column. Where the server might read more than digits, an integer stays a text.
pub(super) fn column_type(sql_type: &'static str, is_plain: bool) -> &'static str {
    match sql_type {
        "bigint" | "integer" if is_plain => "text",
        _ => sql_type,
    }
}
