//! Shapes and lengths: a model's select with a check of every place it looks at. An object's JSON must not become a text, and
//! what is no object has no fields: of both, every column read from them is an issue.
//!
//! A model says `d.name` or `d.status ->> 'id'`; evo runs `evo.as_text(d.name, …)` and `evo.as_object(d.status) ->> 'id'`.
//! Casts check plain values themselves: no object fits an integer.

use super::lex::Span;
use super::select::Select;

/// The text of the select with the checks in its select list; `None` if there is nothing to check.
pub(super) fn checked(select: &Select) -> Option<String> {
    with(select, |_, expression| checked_expression(expression, select))
}

/// The same with texts that are no longer than so many bytes, by column.
pub(super) fn shortened(select: &Select, columns: &[(String, i32)]) -> Option<String> {
    with(select, |name, expression| {
        let most = columns.iter().find(|(column, _)| column == name).map(|(_, most)| most);
        most.map_or(expression.to_owned(), |most| format!("evo.as_short({expression}, {most})"))
    })
}

/// The text with other expressions in its columns.
fn with(select: &Select, change: impl Fn(&str, &str) -> String) -> Option<String> {
    let end = select.body().end;
    let (mut text, mut at) = (String::new(), 0);
    for column in select.columns() {
        let Span { start, end } = column.expression.span;
        let (old, name) = (select.slice(&(start..end)), &column.name);
        let new = change(name, old);
        if new != old {
            text += select.slice(&(at..start));
            text += &new;
            // What was named by itself, `d.name`, is not any more.
            if column.end == end {
                text += &format!(" as \"{}\"", name.replace('"', "\"\""));
            }
            at = end;
        }
    }
    (at > 0).then(|| text + select.slice(&(at..end)))
}

/// Whether a JSON value is an object or an array.
fn nested(value: &str) -> String {
    format!("jsonb_typeof({value}) in ('object', 'array')")
}

/// Where the bracket that a text begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        match passed(rest) {
            Some(length) => at += length,
            None => {
                match rest.as_bytes()[0] {
                    b'(' => depth += 1,
                    b')' if depth == 1 => return Some(at),
                    b')' => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
    }
    None
}

/// The length of a quoted text or a comment that a text begins with.
fn passed(text: &str) -> Option<usize> {
    let end =
        |opening: usize, close: &str| text[opening..].find(close).map_or(text.len(), |end| opening + end + close.len());
    match text.as_bytes() {
        [b'\'', ..] => Some(end(1, "'")),
        [b'"', ..] => Some(end(1, "\"")),
        [b'-', b'-', ..] => Some(end(2, "\n")),
        [b'/', b'*', ..] => Some(end(2, "*/")),
        _ => None,
    }
}

fn checked_expression(expression: &str, select: &Select) -> String {
    // Texts that are quoted in other manners are nothing for this reader.
    if expression.contains(['\\', '$']) {
        return expression.to_owned();
    }
    let mut text = String::new();
    let mut at = 0;
    // Ends of the casts that are open: within them a plain value is checked by the cast.
    let mut casts: Vec<usize> = Vec::new();
    while at < expression.len() {
        casts.retain(|end| *end > at);
        let rest = &expression[at..];
        let length = if let Some((length, value)) = place(expression, at, select, casts.is_empty()) {
            text += &value;
            at += length;
            continue;
        } else if let Some(length) = passed(rest) {
            length
        } else {
            let is_cast = rest.starts_with("evo.as_")
                && !["evo.as_object(", "evo.as_array("].iter().any(|own| rest.starts_with(own));
            if let Some(open) = rest.find('(').filter(|_| is_cast)
                && let Some(close) = closing(&rest[open..])
            {
                casts.push(at + open + close);
            }
            rest.chars().next().map_or(1, char::len_utf8)
        };
        text += &rest[..length];
        at += length;
    }
    text
}

/// A step from a value into it.
enum Step {
    Field(String),
    Element(String),
}

/// A field of a record and the steps from it that begin at `at`, with their checks; and how long they are.
fn place(text: &str, at: usize, select: &Select, is_plain: bool) -> Option<(usize, String)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"');
    if text[..at].ends_with(is_part) {
        return None;
    }
    let rest = &text[at..];
    // A model may check the first object itself.
    let own = "evo.as_object(";
    let (skipped, is_checked) = if rest.starts_with(own) { (own.len(), true) } else { (0, false) };
    let reference = &rest[skipped..];
    let (alias, name) = reference.split_once('.')?;
    let record = select.records().iter().find(|record| record.alias == alias && !alias.is_empty())?;
    let length = match name.strip_prefix('"') {
        Some(quoted) => quoted.find('"')? + 2,
        None => name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len()),
    };
    let name = &name[..length];
    let bare = name.strip_prefix('"').map_or(name.to_lowercase(), |quoted| quoted.trim_end_matches('"').to_owned());
    let column = record.columns.iter().find(|column| column.name == bare)?;
    let value = format!("{alias}.{name}");
    let mut end = skipped + value.len();
    if is_checked {
        rest[end..].strip_prefix(')')?;
        end += 1;
    }
    let mut steps = Vec::new();
    let mut is_text = false;
    while !is_text && let Some((step, text, length)) = step(&rest[end..]) {
        steps.push(step);
        is_text = text;
        end += length;
    }
    let Some((last, inner)) = steps.split_last() else {
        let is_text = select.slice(&column.kind).eq_ignore_ascii_case("text");
        let argument = select.slice(&record.argument.span);
        let is_nested = match record.function.as_str() {
            "jsonb_to_record" => nested(&format!("{argument} -> '{bare}'")),
            "jsonb_to_recordset" => format!("evo.has_nested({argument}, '{bare}')"),
            _ => return None,
        };
        let is_ours = is_text && is_plain && !is_checked && !bare.contains('\'');
        return is_ours.then(|| (end, format!("evo.as_text({value}, {is_nested})")));
    };
    let within = inner.iter().fold(value, |value, step| into(&value, step, "->"));
    let json = into(&within, last, "->");
    Some((
        end,
        match is_text {
            false => json,
            true if is_plain => format!("evo.as_text({}, {})", into(&within, last, "->>"), nested(&json)),
            true => into(&within, last, "->>"),
        },
    ))
}

/// The value that a step leads to.
fn into(value: &str, step: &Step, arrow: &str) -> String {
    match step {
        Step::Field(name) => format!("evo.as_object({value}) {arrow} '{name}'"),
        Step::Element(place) => format!("evo.as_array({value}) {arrow} {place}"),
    }
}

/// The step that a text begins with, whether it ends in a text, and its length.
fn step(text: &str) -> Option<(Step, bool, usize)> {
    let rest = text.trim_start();
    let (rest, is_text) = match rest.strip_prefix("->>") {
        Some(rest) => (rest, true),
        None => (rest.strip_prefix("->")?, false),
    };
    let rest = rest.trim_start();
    let (step, rest) = match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'').map(|(name, rest)| (Step::Field(name.to_owned()), rest))?,
        None => {
            let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            (length > 0).then(|| (Step::Element(rest[..length].to_owned()), &rest[length..]))?
        }
    };
    Some((step, is_text, text.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str =
        "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, \"b\" text, o jsonb, l jsonb)";

    fn parse(list: &str, from: &str) -> Select {
        Select::parse("own.sql", &format!("select s.id, {list}{from}"), &["id".to_owned()]).unwrap()
    }

    #[test]
    fn every_place_that_a_model_looks_at_is_checked() {
        let nested = |value: &str| format!("jsonb_typeof({value}) in ('object', 'array')");
        for (list, expected) in [
            ("d.a as x", format!("evo.as_text(d.a, {}) as x", nested("s.raw_data -> 'a'"))),
            ("d.\"b\"", format!("evo.as_text(d.\"b\", {}) as \"b\"", nested("s.raw_data -> 'b'"))),
            (
                "coalesce(d.a, d.\"b\") as x",
                format!(
                    "coalesce(evo.as_text(d.a, {}), evo.as_text(d.\"b\", {})) as x",
                    nested("s.raw_data -> 'a'"),
                    nested("s.raw_data -> 'b'")
                ),
            ),
            ("evo.as_int(d.o ->> 'id') as x", "evo.as_int(evo.as_object(d.o) ->> 'id') as x".to_owned()),
            (
                "evo.as_object(d.o) ->> 'n' as x",
                format!("evo.as_text(evo.as_object(d.o) ->> 'n', {}) as x", nested("evo.as_object(d.o) -> 'n'")),
            ),
            (
                "evo.as_bool(d.l -> 0 ->> 'f') as x",
                "evo.as_bool(evo.as_object(evo.as_array(d.l) -> 0) ->> 'f') as x".to_owned(),
            ),
            ("d.o -> 'x' as x", "evo.as_object(d.o) -> 'x' as x".to_owned()),
        ] {
            assert_eq!(checked(&parse(list, FROM)), Some(format!("select s.id, {expected}{FROM}")));
        }
        for list in
            ["evo.as_int(d.a) as x", "jsonb_build_object('d.a', d.o) as x", "s.b as x, 1 /* d.a */ as y", "d.o as x"]
        {
            assert_eq!(checked(&parse(list, FROM)), None, "{list}");
        }
        let set = "\nfrom {source} s\ncross join lateral jsonb_to_recordset(s.raw_data -> 'l') as d (a text)";
        let expected = format!("select s.id, evo.as_text(d.a, evo.has_nested(s.raw_data -> 'l', 'a')) as x{set}");
        assert_eq!(checked(&parse("d.a as x", set)), Some(expected));
    }

    #[test]
    fn a_model_that_is_checked_is_not_changed_again() {
        let once = checked(&parse("d.a,\n d.o -> 0 as x, coalesce(d.o ->> 'n', d.a) as y", FROM)).unwrap();
        let select = Select::parse("own.sql", &once, &["id".to_owned()]).unwrap();
        assert_eq!(checked(&select).unwrap_or(once.clone()), once);
    }

    #[test]
    fn a_text_that_an_index_holds_is_not_longer_than_it_can_be() {
        let short = |columns: &[(&str, i32)]| {
            let columns: Vec<_> = columns.iter().map(|(name, most)| ((*name).to_owned(), *most)).collect();
            shortened(&parse("coalesce(d.a, 'x') as x,\n    d.b", FROM), &columns)
        };
        let expected =
            "select s.id, evo.as_short(coalesce(d.a, 'x'), 2600) as x,\n    evo.as_short(d.b, 1300) as \"b\"";
        assert_eq!(short(&[("x", 2600), ("b", 1300)]), Some(format!("{expected}{FROM}")));
        assert_eq!(short(&[]), None);
    }
}
