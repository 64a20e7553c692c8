//! SQL as text: files under `sql/`, placeholders, quoting.
//!
//! Statements live in files that paste into psql. What differs between entities is a placeholder in braces
//! (`{target}`) filled by [`fill`]; values always travel as parameters.

/// The text of a file under `sql/`, embedded at build time.
macro_rules! sql_file {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $path))
    };
}

/// Words that PostgreSQL takes for something else where a column stands.
const RESERVED: &str = "all analyse analyze and any array as asc asymmetric authorization binary both case cast check \
    collate collation column concurrently constraint create cross current_catalog current_date current_role \
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end except \
    false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull \
    join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order \
    outer overlaps placing primary references returning right select session_user similar some symmetric \
    system_user table tablesample then to trailing true union unique user using variadic verbose when where window \
    with between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping \
    inout int integer interval json json_array json_object least national nchar none normalize nullif numeric out \
    overlay position precision real row setof smallint substring time timestamp treat trim values varchar \
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize \
    xmltable name value state number type date year month day hour minute second zone";

/// Replaces each `{name}` by its text and drops the comment in front, which explains the placeholders. Braces
/// that name no placeholder stay as they are, and so do those in a text that was filled in: it may be
/// anybody's.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut rest = template;
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    let mut text = String::with_capacity(rest.len());
    while let Some((before, behind)) = rest.split_once('{') {
        let value =
            values.iter().find_map(|(name, value)| Some((behind.strip_prefix(name)?.strip_prefix('}')?, value)));
        let (next, value) = value.map_or((behind, "{"), |(next, value)| (next, value));
        text.extend([before, value]);
        rest = next;
    }
    text + rest
}

/// `evo` → `"evo"`; quotes inside are doubled.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as SQL takes it: in quotes unless it is a plain word.
pub fn quoted(name: &str) -> String {
    let is_word = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    match is_word && !RESERVED.split(' ').any(|word| word == name) {
        true => name.to_owned(),
        false => ident(name),
    }
}

/// `stg_evo.sales_raw` → `"stg_evo"."sales_raw"`.
pub fn qualified(name: &str) -> String {
    name.splitn(2, '.').map(ident).collect::<Vec<_>>().join(".")
}

/// `O'Hara` → `'O''Hara'`. Sessions have `standard_conforming_strings` on (`sql/pg/session.sql`).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a name can be that of a column; longer ones are cut by the server, and are other names then.
pub fn is_column_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63
}

/// The value at the end of these names, from `document` on, as text or as jsonb: `s.raw_data -> 'a' ->> 'b'`.
pub fn value_at(document: &str, path: &[String], is_json: bool) -> String {
    let step = |(i, name): (usize, &String)| match i + 1 == path.len() && !is_json {
        true => format!(" ->> {}", literal(name)),
        false => format!(" -> {}", literal(name)),
    };
    document.to_owned() + &path.iter().enumerate().map(step).collect::<String>()
}

/// A quoted, comma-separated column list.
pub fn columns<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|n| ident(n.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted_so_that_nothing_can_escape() {
        assert_eq!(qualified("stg_evo.sales_raw"), "\"stg_evo\".\"sales_raw\"");
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("O'Hara"), "'O''Hara'");
        assert_eq!(columns(&["a", "authorization"]), "\"a\", \"authorization\"");
        assert_eq!(["", "a", &"x".repeat(63), &"x".repeat(64)].map(is_column_name), [false, true, true, false]);
        let path = ["a".to_owned(), "it's".to_owned()];
        assert_eq!(value_at("d", &path, false), "d -> 'a' ->> 'it''s'");
        assert_eq!(value_at("d", &path, true), "d -> 'a' -> 'it''s'");
    }

    #[test]
    fn fill_replaces_named_braces_only() {
        assert_eq!(fill("select '{}' from {t} {t}", &[("t", "x")]), "select '{}' from x x");
        assert_eq!(fill("{a} {b} {", &[("a", "'{b}'"), ("b", "{a}")]), "'{b}' {a} {");
        assert_eq!(fill("-- {t} is a table\n-- more\nselect {t}", &[("t", "a\nb")]), "select a\nb");
    }
}
