//! A model's select with casts that read an entity's own date formats as well.
//!
//! `evo.as_date(d.at)` becomes `evo.as_date(evo.to_iso(d.at, …))`, for each format once. What is in none of
//! the formats stays the text that it was, for the cast to read or to refuse.

use super::casts::cast_at;
use crate::entity::dates::DateFormat;
use crate::entity::scan::{Fault, Tokens};

/// The casts that read a date.
const CASTS: [&str; 3] = ["date", "local", "timestamptz"];

/// The text with the formats in its casts of dates.
pub(super) fn with_formats(text: &str, formats: &[DateFormat]) -> Result<String, Fault> {
    let tokens = Tokens::new(text)?;
    let before = "evo.to_iso(".repeat(formats.len());
    let behind: String = formats.iter().map(|format| format!(", {})", format.arguments())).collect();
    let mut added = Vec::new();
    for i in 0..tokens.len() {
        if let Some(call) = cast_at(&tokens, i)?.filter(|call| CASTS.contains(&call.kind)) {
            let arguments = tokens.list(call.open + 1..tokens.partner(call.open));
            if let Some(value) = arguments.first().map(|value| tokens.span(value)) {
                added.extend([(value.start, &before), (value.end, &behind)]);
            }
        }
    }
    // From the end to the beginning, so that the positions that are still to come stay right.
    added.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut text = text.to_owned();
    for (at, sql) in added {
        text.insert_str(at, sql);
    }
    Ok(text)
}
