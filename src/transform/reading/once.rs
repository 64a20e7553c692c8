//! Values inside of objects, `evo.as_object(d.status) ->> 'id'`, that the server reads once.
//!
//! The planner writes the argument of a cast into the cast's own expression, at each place of its use: an
//! integer in an object would be taken out of it six times, and each time after a look at what the object is.

use super::binding::Draft;
use crate::entity::{Cast, Select};

/// Replaces integer casts of such values, and the look at the object where the value itself shows that it is
/// one.
pub(super) fn read_once(select: &Select, is_plain: bool, draft: &mut Draft<'_>) {
    for column in select.columns() {
        for cast in column.expression.casts() {
            match cast.kind {
                "object" => ask_for_the_value_first(select, cast, column.expression.span.start, draft),
                "int" | "bigint" if has_object(cast) => let_the_server_cast(cast, is_plain, draft),
                _ => {}
            }
        }
    }
}

fn has_object(cast: &Cast) -> bool {
    cast.arguments.casts().iter().any(|inner| inner.kind == "object")
}

/// The server's own cast reads its argument once. It is stricter; where it is not, `evo.plain_…` is.
fn let_the_server_cast(cast: &Cast, is_plain: bool, draft: &mut Draft<'_>) {
    if is_plain {
        return draft.replace(cast.name.clone(), format!("plain_{}", cast.kind));
    }
    let sql_type = if cast.kind == "int" { "integer" } else { "bigint" };
    draft.replace(cast.call.start..cast.arguments.span.start, "(".to_owned());
    draft.replace(cast.arguments.span.end..cast.call.end, format!(")::{sql_type}"));
}

/// Only an object has a field: where there is a value, nobody needs to ask what it was taken from. An
/// operator in front of the call would bind first.
fn ask_for_the_value_first(select: &Select, cast: &Cast, start: usize, draft: &mut Draft<'_>) {
    let (object, call) = (select.slice(&cast.arguments.span), select.slice(&cast.call));
    let before = select.whole()[start..cast.call.start].trim_end();
    let has_comment = before.contains("--") || before.contains("/*");
    let is_first = !has_comment && (before.is_empty() || before.ends_with(['(', ',']));
    let Some(length) = step(&select.whole()[cast.call.end..]).filter(|_| is_first && is_reference(object)) else {
        return;
    };
    let end = cast.call.end + length;
    let step = select.slice(&(cast.call.end..end)).to_owned();
    draft.replace(cast.call.start..end, format!("coalesce({object}{step}, {call}{step})"));
}

/// `d.status`: as quick to read twice as once.
fn is_reference(text: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || ['_', '"', '.'].contains(&c);
    text.chars().all(is_name) && text.matches('.').count() == 1
}

/// The length of `->> 'name'` at the beginning of a text.
fn step(text: &str) -> Option<usize> {
    let name = text.trim_start().strip_prefix("->>")?.trim_start().strip_prefix('\'')?;
    let (field, rest) = name.split_once('\'')?;
    let is_plain = field.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_plain && !rest.starts_with('\'')).then_some(text.len() - rest.len())
}
