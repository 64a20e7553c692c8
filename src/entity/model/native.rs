//! The server's own casts. On a text from the document they are refused: one value that does not fit would
//! stop the table.

use std::ops::Range;

use crate::entity::scan::Fault;
use crate::entity::scan::Tokens;

/// Whether the type at this token takes every text, or every jsonb value.
pub(super) fn takes_everything(tokens: &Tokens<'_>, i: usize) -> bool {
    ["text", "varchar", "jsonb", "json"].iter().any(|known| tokens.is_name(i, known)) && !tokens.is_mark(i + 1, "(")
}

/// The cast of evo that gives a type.
pub(super) fn advised(tokens: &Tokens<'_>, i: usize) -> &'static str {
    match tokens.name(i).unwrap_or_default().as_str() {
        "int" | "integer" | "int4" | "smallint" | "int2" => "evo.as_int(…)",
        "bigint" | "int8" => "evo.as_bigint(…)",
        "bool" | "boolean" => "evo.as_bool(…)",
        "date" => "evo.as_date(…)",
        "timestamp" | "timestamptz" => "evo.as_timestamptz(…, {zone})",
        "numeric" | "decimal" | "real" | "double" | "float4" | "float8" => "evo.as_decimal(…)",
        _ => "evo.as_…(…)",
    }
}

/// Refuses `d.a::int`, `cast(d.a as int)` and `(d.a ->> 'b')::int`, where `d` is one of the aliases.
pub(super) fn refuse(tokens: &Tokens<'_>, range: Range<usize>, aliases: &[&str]) -> Result<(), Fault> {
    let is_field = |i: usize| {
        let is_ours = |name: String| aliases.contains(&name.as_str());
        tokens.is_mark(i + 1, ".") && tokens.name(i + 2).is_some() && tokens.name(i).is_some_and(is_ours)
    };
    for i in range.clone() {
        let is_cast = tokens.str(i) == "::" || tokens.is_keyword(i, "as");
        if !is_cast || i + 1 >= range.end || takes_everything(tokens, i + 1) {
            continue;
        }
        let is_called = || i >= 5 && tokens.is_mark(i - 4, "(") && tokens.is_keyword(i - 5, "cast");
        let of_field = i >= 3 && is_field(i - 3) && (tokens.str(i) == "::" || is_called());
        if of_field || tokens.str(i) == "::" && is_extracted(tokens, i - 1) {
            return Err(Fault::new(
                tokens.start(i),
                "a text from the document is cast by the server: one misfit would stop the table",
            )
            .hint(format!("write {}: what does not fit becomes null and an issue", advised(tokens, i + 1))));
        }
    }
    Ok(())
}

/// Whether a bracket closes here that holds `… ->> 'name'`, other than a function's.
fn is_extracted(tokens: &Tokens<'_>, close: usize) -> bool {
    if !tokens.is_mark(close, ")") || close < 3 {
        return false;
    }
    let open = tokens.partner(close);
    let is_call = open > 0 && tokens.name(open - 1).is_some();
    !is_call && ["->>", "#>>"].contains(&tokens.str(close - 2))
}
