//! Guards: a model's select with a check of every place of the document that its select list reads. An
//! object's JSON must not become a text, and what is no object has no fields: both are issues of every column
//! that reads them.
//!
//! A model says `d.name` or `d.status ->> 'id'`; evo runs `evo.as_text(d.name, …)` and
//! `evo.as_object(d.status) ->> 'id'`. Casts check plain values themselves: no object fits an integer.
//!
//! A text may be read where it cannot be replaced (in a select of its own, or without its record's alias).
//! Then the whole column is guarded: `case when evo.as_text(…) is not null then … end`. What a select of its
//! own, a join or a condition does with jsonb values is its author's business.

use std::ops::Range;

use super::casts::cast_at;
use super::edits::Edits;
use super::from::{JsonRecord, RecordColumn};
use super::select::Select;
use crate::entity::scan::{TokenKind, Tokens};
use crate::sql::{ident, literal};

/// The expression of a column with its guards; `tokens` are those of the select, `range` those of the
/// expression.
pub(super) fn guarded(select: &Select, tokens: &Tokens<'_>, range: Range<usize>) -> String {
    let mut guards = Guards { select, tokens, edits: Edits::default(), casts: Vec::new(), elsewhere: Vec::new() };
    let mut i = range.start;
    while i < range.end {
        i = guards.step(i, &range);
    }
    let expression = guards.edits.apply(select.whole(), tokens.span(&range));
    let Guards { elsewhere, .. } = guards;
    if elsewhere.is_empty() {
        return expression;
    }
    format!("case when {} then {expression} end", elsewhere.join(" and "))
}

struct Guards<'a> {
    select: &'a Select,
    tokens: &'a Tokens<'a>,
    edits: Edits,
    /// The closing brackets of the casts that are open: within them the cast checks a plain value itself.
    casts: Vec<usize>,
    /// Conditions that guard the column as a whole.
    elsewhere: Vec<String>,
}

/// A place of the document that the select list reads: the reference that it begins with.
struct Place<'a> {
    /// The field of a record; `None` for a whole document or element, which is always an object.
    field: Option<(&'a JsonRecord, &'a RecordColumn)>,
    /// `d.name`, `s.raw_data` or `c.value`, as its author wrote it.
    reference: String,
    /// The author checks the object: `evo.as_object(d.name)`.
    is_checked: bool,
    /// The token after the reference.
    end: usize,
}

/// A step from a value into it.
enum PathStep {
    Field(String),
    Element(String),
    /// `#>` with this list of fields and elements.
    Path(String),
}

impl<'a> Guards<'a> {
    /// Guards what begins at a token; returns the token after it.
    fn step(&mut self, i: usize, range: &Range<usize>) -> usize {
        let tokens = self.tokens;
        self.casts.retain(|close| *close > i);
        if tokens.opens_select(i) {
            let end = tokens.partner(i);
            (i..end).for_each(|i| self.guard_elsewhere(i));
            return end + 1;
        }
        if let Some(place) = self.place(i) {
            return self.guard(i, place, range.end);
        }
        if range.len() == 1
            && let Some((record, column)) = self.bare_text(i)
        {
            let span = tokens.span(&(i..i + 1));
            let text = self.select.slice(&span).to_owned();
            self.edits.replace(span, self.as_text(&text, record, column).unwrap_or(text));
        } else if self.casts.is_empty() && !tokens.is_qualified(i) {
            self.guard_elsewhere(i);
        }
        if let Ok(Some(call)) = cast_at(tokens, i)
            && !["object", "array"].contains(&call.kind)
        {
            self.casts.push(tokens.partner(call.open));
        }
        i + 1
    }

    /// The place whose reference begins at a token.
    fn place(&self, i: usize) -> Option<Place<'a>> {
        let tokens = self.tokens;
        let checked = cast_at(tokens, i).ok().flatten().filter(|call| call.kind == "object").map(|call| call.open);
        let at = checked.map_or(i, |open| open + 1);
        let (alias, column) = tokens.reference(&(at..at + 3)).filter(|_| !tokens.is_qualified(at))?;
        let is_element = self.select.children().is_some_and(|c| c.alias == alias && column == "value");
        let is_object = is_element || alias == self.select.source() && column == "raw_data";
        let field = match is_object {
            true => None,
            false => Some(self.field(&alias, &column)?),
        };
        let end = match checked {
            Some(open) if tokens.partner(open) != at + 3 => return None,
            Some(_) => at + 4,
            None => at + 3,
        };
        let reference = self.select.slice(&tokens.span(&(at..at + 3))).to_owned();
        let is_call = tokens.is_mark(at + 3, "(");
        (!is_call).then_some(Place { field, reference, is_checked: checked.is_some(), end })
    }

    fn field(&self, alias: &str, name: &str) -> Option<(&'a JsonRecord, &'a RecordColumn)> {
        let record = self.select.records().iter().find(|record| record.alias == alias)?;
        Some((record, record.columns.iter().find(|column| column.name == name)?))
    }

    /// Guards a place and the steps that follow it; returns the token after them.
    fn guard(&mut self, start: usize, place: Place<'_>, end_of_range: usize) -> usize {
        let (mut start, mut end, mut steps, mut is_text) = (start, place.end, Vec::new(), false);
        while !is_text {
            let (first, next) = self.around(start, end);
            let Some((step, text, next)) = self.path_step(next).filter(|(_, _, next)| *next <= end_of_range) else {
                break;
            };
            steps.push(step);
            (is_text, start, end) = (text, first, next);
        }
        let is_plain = self.casts.is_empty();
        let guarded = match steps.split_last() {
            None => place
                .field
                .filter(|_| is_plain && !place.is_checked)
                .and_then(|(record, column)| self.as_text(&place.reference, record, column)),
            Some((last, inner)) => {
                let mut is_object = place.field.is_none();
                let mut within = place.reference.clone();
                for step in inner {
                    within = step.into(&within, std::mem::take(&mut is_object), false);
                }
                let json = last.into(&within, is_object, false);
                Some(match is_text {
                    true if is_plain => {
                        format!("evo.as_text({}, {})", last.into(&within, is_object, true), nested(&json))
                    }
                    true => last.into(&within, is_object, true),
                    false => json,
                })
            }
        };
        if let Some(guarded) = guarded {
            self.edits.replace(self.tokens.span(&(start..end)), guarded);
        }
        end
    }

    /// The tokens from `start` to before `end`, with the brackets around them that are no function's.
    fn around(&self, start: usize, end: usize) -> (usize, usize) {
        const BEFORE_A_VALUE: [&str; 9] = ["when", "then", "else", "case", "and", "or", "not", "in", "distinct"];
        let tokens = self.tokens;
        let is_around = start > 0 && tokens.is_mark(end, ")") && tokens.partner(end) == start - 1;
        let is_call = |open: usize| {
            open > 0
                && tokens.name(open - 1).is_some()
                && !BEFORE_A_VALUE.iter().any(|word| tokens.is_keyword(open - 1, word))
        };
        match is_around && !is_call(start - 1) {
            true => self.around(start - 1, end + 1),
            false => (start, end),
        }
    }

    /// The step that begins at a token, whether it gives a text, and the token after it.
    fn path_step(&self, i: usize) -> Option<(PathStep, bool, usize)> {
        let tokens = self.tokens;
        let one = |i: usize| match (tokens.literal(i), tokens.kind(i)) {
            (Some(field), _) => Some(PathStep::Field(field)),
            (None, Some(TokenKind::Number)) => Some(PathStep::Element(tokens.str(i).to_owned())),
            _ => None,
        };
        if tokens.is_mark(i, "[") {
            return Some((one(i + 1).filter(|_| tokens.partner(i) == i + 2)?, false, i + 3));
        }
        match tokens.str(i) {
            operator @ ("->" | "->>") => Some((one(i + 1)?, operator == "->>", i + 2)),
            operator @ ("#>" | "#>>") => Some((PathStep::Path(tokens.literal(i + 1)?), operator == "#>>", i + 2)),
            _ => None,
        }
    }

    /// The record and the column that a name without an alias most likely means, if that column is a text.
    fn bare_text(&self, i: usize) -> Option<(&'a JsonRecord, &'a RecordColumn)> {
        let tokens = self.tokens;
        let is_type = i > 0 && tokens.str(i - 1) == "::" || tokens.kind(i + 1) == Some(TokenKind::Text);
        let name = tokens.name(i).filter(|_| tokens.is_bare(i) && !is_type)?;
        let of = |record: &'a JsonRecord| Some((record, record.columns.iter().find(|column| column.name == name)?));
        self.select.records().iter().find_map(of).filter(|(_, column)| self.is_text(column))
    }

    /// Guards the column as a whole if a text of a record is read at this token.
    fn guard_elsewhere(&mut self, i: usize) {
        let of_place = self.place(i).filter(|place| !place.is_checked).and_then(|place| place.field);
        let of_place = of_place.filter(|(_, column)| self.is_text(column));
        let Some((record, column)) = of_place.or_else(|| self.bare_text(i)) else { return };
        let reference = format!("{}.{}", ident(&record.alias), ident(&column.name));
        let guard = self.as_text(&format!("coalesce({reference}, '')"), record, column);
        let guard = guard.map(|guard| format!("{guard} is not null"));
        self.elsewhere.extend(guard.filter(|guard| !self.elsewhere.contains(guard)));
    }

    fn is_text(&self, column: &RecordColumn) -> bool {
        self.select.slice(&column.kind).eq_ignore_ascii_case("text")
    }

    /// `value`, if the field that it was read from is neither an object nor an array; `None` where that needs
    /// no check, or cannot be asked.
    fn as_text(&self, value: &str, record: &JsonRecord, column: &RecordColumn) -> Option<String> {
        let document = self.select.slice(&record.argument.span);
        let is_nested = match record.function.as_str() {
            "jsonb_to_record" => nested(&format!("{document} -> {}", literal(&column.name))),
            "jsonb_to_recordset" => format!("evo.has_nested({document}, {})", literal(&column.name)),
            _ => return None,
        };
        self.is_text(column).then(|| format!("evo.as_text({value}, {is_nested})"))
    }
}

impl PathStep {
    /// The value that the step leads to. `is_object` says that it needs no check that `value` is one.
    fn into(&self, value: &str, is_object: bool, is_text: bool) -> String {
        let more = if is_text { ">" } else { "" };
        match self {
            PathStep::Field(name) if is_object => format!("{value} ->{more} {}", literal(name)),
            PathStep::Field(name) => format!("evo.as_object({value}) ->{more} {}", literal(name)),
            PathStep::Element(index) => format!("evo.as_array({value}) ->{more} {index}"),
            PathStep::Path(path) => {
                let is_element = path.trim_start_matches(['{', ' ', '-']).starts_with(|c: char| c.is_ascii_digit());
                let checked =
                    if is_element || is_object { value.to_owned() } else { format!("evo.as_object({value})") };
                format!("{checked} #>{more} {}", literal(path))
            }
        }
    }
}

/// Whether a JSON value is an object or an array.
fn nested(value: &str) -> String {
    format!("jsonb_typeof({value}) in ('object', 'array')")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str =
        "\nfrom {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (a text, \"b\" text, o jsonb, l jsonb)";

    fn parse(list: &str, from: &str) -> Select {
        Select::parse("own.sql", &format!("select s.id, {list}{from}"), &["id".to_owned()]).unwrap()
    }

    /// The select list with its guards.
    fn guards(list: &str, from: &str) -> String {
        let text = parse(list, from).guarded().unwrap().text().to_owned();
        text.strip_prefix("select s.id, ").unwrap().strip_suffix(from).unwrap().to_owned()
    }

    #[test]
    fn every_place_that_a_model_reads_is_guarded() {
        let a = format!("evo.as_text(d.a, {})", nested("s.raw_data -> 'a'"));
        let b = format!("evo.as_text(d.\"b\", {})", nested("s.raw_data -> 'b'"));
        for (list, expected) in [
            ("d.a as x", format!("{a} as x")),
            ("d.\"b\"", format!("{b} as \"b\"")),
            ("coalesce(d.a, d.\"b\") as x", format!("coalesce({a}, {b}) as x")),
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
            ("d.o['x'] as x", "evo.as_object(d.o) -> 'x' as x".to_owned()),
            (
                "case when true then ((d.o -> 'x')) -> 'y' end as x",
                "case when true then evo.as_object(evo.as_object(d.o) -> 'x') -> 'y' end as x".to_owned(),
            ),
            ("f(d.o -> 'x') -> 'y' as x", "f(evo.as_object(d.o) -> 'x') -> 'y' as x".to_owned()),
            (
                "d.o #>> '{x,0}' as x",
                format!(
                    "evo.as_text(evo.as_object(d.o) #>> '{{x,0}}', {}) as x",
                    nested("evo.as_object(d.o) #> '{x,0}'")
                ),
            ),
        ] {
            assert_eq!(guards(list, FROM), expected);
        }
        for list in
            ["evo.as_int(d.a) as x", "jsonb_build_object('d.a', d.o) as x", "s.b as x, 1 /* d.a */ as y", "d.o as x"]
        {
            assert_eq!(guards(list, FROM), list);
        }
        let note = "evo.as_text(s.raw_data ->> 'n', jsonb_typeof(s.raw_data -> 'n') in ('object', 'array')) as x";
        assert_eq!(guards("s.raw_data ->> 'n' as x", FROM), note);
        assert_eq!(guards("s.raw_data -> 'n' as x", FROM), "s.raw_data -> 'n' as x");
        let set = "\nfrom {source} s\ncross join lateral jsonb_to_recordset(s.raw_data -> 'l') as d (a text)";
        assert_eq!(guards("d.a as x", set), "evo.as_text(d.a, evo.has_nested(s.raw_data -> 'l', 'a')) as x");
    }

    #[test]
    fn a_place_is_guarded_however_it_is_written_and_whatever_stands_beside_it() {
        let a = nested("s.raw_data -> 'a'");
        for (list, expected) in [
            ("D . \"a\" as x", format!("evo.as_text(D . \"a\", {a}) as x")),
            ("E'\\'' || d.a as x", format!("E'\\'' || evo.as_text(d.a, {a}) as x")),
            ("$$ d.a $$ || d.a as x", format!("$$ d.a $$ || evo.as_text(d.a, {a}) as x")),
            ("d.a /* ' */ || 'd.a' as x", format!("evo.as_text(d.a, {a}) /* ' */ || 'd.a' as x")),
            ("a", format!("evo.as_text(a, {a}) as \"a\"")),
        ] {
            assert_eq!(guards(list, FROM), expected);
        }
    }

    #[test]
    fn a_text_that_is_read_in_a_select_of_its_own_or_without_an_alias_guards_its_column() {
        let guard = |name: &str| {
            let is_nested = nested(&format!("s.raw_data -> '{name}'"));
            format!("evo.as_text(coalesce(\"d\".\"{name}\", ''), {is_nested}) is not null")
        };
        for list in ["(select w from words where w = d.a)", "upper(a)", "upper(A) || a"] {
            assert_eq!(guards(&format!("{list} as x"), FROM), format!("case when {} then {list} end as x", guard("a")));
        }
        let list = "(select max(x) from (values (d.a), (d.b)) v (x))";
        let expected = format!("case when {} and {} then {list} end as x", guard("a"), guard("b"));
        assert_eq!(guards(&format!("{list} as x"), FROM), expected);
        // A cast of the column's own checks its value, and types are no columns.
        for list in ["evo.as_int(a) as x", "s.id::text as x", "s.a as x"] {
            assert_eq!(guards(list, FROM), list);
        }
    }

    #[test]
    fn a_guard_is_not_guarded_again() {
        let once = parse("d.a,\n d.o -> 0 as x, coalesce(d.o ->> 'n', d.a) as y", FROM).guarded().unwrap();
        let text = once.text().to_owned();
        assert_eq!(once.guarded().unwrap().text(), text);
    }
}
