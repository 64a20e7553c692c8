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

/// `stg_evo.sales_raw` → `"stg_evo"."sales_raw"`.
pub fn qualified(name: &str) -> String {
    name.splitn(2, '.').map(ident).collect::<Vec<_>>().join(".")
}

/// `O'Hara` → `'O''Hara'`. Sessions have `standard_conforming_strings` on (`sql/pg/session.sql`).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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
    }

    #[test]
    fn fill_replaces_named_braces_only() {
        assert_eq!(fill("select '{}' from {t} {t}", &[("t", "x")]), "select '{}' from x x");
        assert_eq!(fill("{a} {b} {", &[("a", "'{b}'"), ("b", "{a}")]), "'{b}' {a} {");
        assert_eq!(fill("-- {t} is a table\n-- more\nselect {t}", &[("t", "a\nb")]), "select a\nb");
    }
}
