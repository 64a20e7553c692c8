//! Whether a select depends on the session's time zone, and the zones that it names itself.

use crate::entity::scan::{Span, TokenKind, Tokens};

/// Functions whose result does not depend on the session's time zone, and other words that stand before a
/// bracket.
const ZONELESS: [&str; 38] = [
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
    "abs",
    "round",
    "rtrim",
    "char_length",
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

/// Words with which the server reads or converts a time.
const ZONED: [&str; 9] = ["cast", "date", "time", "timestamp", "timestamptz", "timetz", "interval", "extract", "now"];

/// The zones that the first `end` tokens name, each with its place: `… at time zone 'UTC'`.
pub(super) fn named(tokens: &Tokens<'_>, end: usize) -> Vec<(String, Span)> {
    let is_zone = |i: usize| {
        let is_of_cast = || {
            let call = tokens.partner(i + 1);
            tokens.is_mark(i - 1, ",") && call >= 3 && tokens.is_name(call - 1, "as_timestamptz")
        };
        let words = ["at", "time", "zone"];
        i >= 3 && (0..3).all(|n| tokens.is_keyword(i - 3 + n, words[n]))
            || i >= 2 && tokens.is_mark(i - 1, "(") && tokens.is_name(i - 2, "timezone")
            || i >= 1 && tokens.is_mark(i + 1, ")") && is_of_cast()
    };
    let zone = |i: usize| Some((tokens.literal(i).filter(|_| is_zone(i))?, tokens.span(&(i..i + 1))));
    (0..end).filter_map(zone).collect()
}

/// Whether no part of the first `end` tokens depends on the session's time zone. In doubt, false: there are
/// only known functions, no casts in SQL's own notation, no clock.
pub(super) fn is_free(tokens: &Tokens<'_>, end: usize) -> bool {
    (0..end).all(|i| {
        if tokens.str(i) == "::" {
            return false;
        }
        let Some(name) = tokens.name(i).map(|name| name.to_ascii_lowercase()) else { return true };
        let is_given = i > 0 && tokens.is_keyword(i - 1, "as");
        if tokens.is_mark(i + 1, "(") && !is_given {
            return ZONELESS.contains(&name.as_str());
        }
        let is_name = is_given || tokens.is_qualified(i) || tokens.kind(i) == Some(TokenKind::Quoted);
        let is_clock = ZONED.contains(&name.as_str()) || name.starts_with("current_") || name.starts_with("local");
        is_name || !is_clock
    })
}
