//! The columns of a select list.

use std::ops::Range;

use super::casts::{CastCall, cast_at};
use super::expression::Expression;
use super::from::JsonRecord;
use super::native;
use super::path::{Aliases, paths};
use super::reads::is_read;
use crate::entity::scan::Fault;
use crate::entity::scan::Span;
use crate::entity::scan::Tokens;

/// A column of the select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the server understands it.
    pub name: String,
    /// The expression, without the name.
    pub expression: Expression,
    /// Paths of its values in the document, `saleItens[].itemValue`, in the order of the text.
    pub paths: Vec<String>,
    /// Records of the from clause that it is read from, by their index there; also those that these are read
    /// from.
    pub records: Vec<usize>,
    /// Set if the column is one cast of fields of a record, and nothing else.
    pub plain: Option<PlainCast>,
    /// Set if the column is one cast, whatever its arguments are.
    pub cast: Option<WholeCast>,
    /// The text that `evo.as_timestamptz(text, {zone})` reads, if that is all the column is.
    pub local_time: Option<LocalTime>,
    /// The bytes that an index on the column has room for: the second argument of `evo.as_short(text,
    /// bytes)`, if that is all the column is.
    pub max_bytes: Option<Span>,
    /// The expression as a reference, `s.sale_id`: alias and column.
    pub reference: Option<(String, String)>,
    /// Where it ends, its name included.
    pub end: usize,
}

/// `evo.as_int(d.a)` or `evo.as_int(coalesce(d.a, d.b))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainCast {
    /// The ending of the cast's name: `bigint`.
    pub kind: &'static str,
    /// The argument: `d.a`, or the `coalesce`.
    pub value: Span,
    /// Alias and column of each field.
    pub fields: Vec<(String, String)>,
}

/// The text in `evo.as_timestamptz(text, {zone})`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTime {
    /// The text.
    pub text: Span,
    /// Alias and column, if the text is a field and nothing else.
    pub field: Option<(String, String)>,
}

/// A cast that is a whole column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeCast {
    /// The ending of its name: `bigint`.
    pub kind: &'static str,
    /// The arguments of the call.
    pub arguments: Vec<Span>,
}

/// Reads the columns in `list`.
pub(super) fn columns(
    tokens: &Tokens<'_>,
    list: Range<usize>,
    known: &Aliases,
    records: &[JsonRecord],
) -> Result<Vec<Column>, Fault> {
    let aliases: Vec<&str> = records.iter().map(|record| record.alias.as_str()).collect();
    let mut columns: Vec<Column> = Vec::new();
    for item in tokens.list(list) {
        let at = tokens.start(item.start);
        let (name, range) = named(tokens, item.clone())?;
        if columns.iter().any(|column| column.name == name) {
            return Err(Fault::new(at, format!("column {name:?} is given twice")));
        }
        if ["evo_source_", "evo_misfit_"].iter().any(|own| name.starts_with(own)) {
            return Err(Fault::new(at, format!("the name {name:?} is evo's own")).hint("give the column another one"));
        }
        native::refuse(tokens, range.clone(), &aliases)?;
        let cast = whole_cast(tokens, &range)?;
        let argument = |kind: &str, of: usize| cast.as_ref().filter(|c| c.kind == kind)?.arguments.get(of).cloned();
        columns.push(Column {
            local_time: local_time(tokens, &range, cast.as_ref()),
            max_bytes: argument("short", 1).filter(|span| tokens.range(span).len() == 1),
            expression: Expression::parse(tokens, range.clone())?,
            paths: paths(tokens, range.clone(), known),
            records: read(tokens, range.clone(), records),
            plain: plain(tokens, range.clone())?
                .filter(|p| p.fields.iter().all(|(a, _)| aliases.contains(&a.as_str()))),
            reference: tokens.reference(&range),
            cast,
            end: tokens.span(&item).end,
            name,
        });
    }
    Ok(columns)
}

/// The records that an expression is read from.
fn read(tokens: &Tokens<'_>, expression: Range<usize>, records: &[JsonRecord]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut pending = vec![expression];
    while let Some(range) = pending.pop() {
        for (i, record) in records.iter().enumerate() {
            if !found.contains(&i) && is_read(tokens, &range, record) {
                found.push(i);
                pending.push(record.tokens.clone());
            }
        }
    }
    found.sort_unstable();
    found
}

/// The name of an item of the list, and its expression.
fn named(tokens: &Tokens<'_>, item: Range<usize>) -> Result<(String, Range<usize>), Fault> {
    let at = tokens.start(item.start);
    if item.is_empty() {
        return Err(Fault::new(at, "a column is missing between two commas"));
    }
    let last = item.end - 1;
    if item.len() > 2 && tokens.is_keyword(last - 1, "as") {
        return match tokens.name(last) {
            Some(name) if name.len() <= 63 => Ok((name, item.start..last - 1)),
            _ => Err(Fault::new(at, "as is not followed by a name of at most 63 bytes")),
        };
    }
    if let Some((_, name)) = tokens.reference(&item) {
        return Ok((name, item));
    }
    if item.len() == 1
        && let Some(name) = tokens.name(last)
    {
        return Ok((name, item));
    }
    let fault = Fault::new(at, "a column has no name");
    Err(match tokens.str(last) {
        "*" => fault.hint("name each column: d.name"),
        _ => fault.hint("end it with as and a name: evo.as_int(d.a) as a"),
    })
}

/// The call of a cast that is all of an expression.
fn whole_call(tokens: &Tokens<'_>, range: &Range<usize>) -> Result<Option<CastCall>, Fault> {
    Ok(cast_at(tokens, range.start)?.filter(|call| tokens.partner(call.open) + 1 == range.end))
}

fn whole_cast(tokens: &Tokens<'_>, range: &Range<usize>) -> Result<Option<WholeCast>, Fault> {
    let cast = |call: CastCall| {
        let arguments = tokens.list(call.open + 1..range.end - 1);
        WholeCast { kind: call.kind, arguments: arguments.iter().map(|argument| tokens.span(argument)).collect() }
    };
    Ok(whole_call(tokens, range)?.map(cast))
}

fn local_time(tokens: &Tokens<'_>, range: &Range<usize>, cast: Option<&WholeCast>) -> Option<LocalTime> {
    let cast = cast.filter(|cast| cast.kind == "timestamptz")?;
    let [text, _] = &cast.arguments[..] else { return None };
    // The zone is the last token before the bracket, and the only one.
    let is_zone = |i: usize| tokens.str(i) == "{zone}";
    let is_usual = is_zone(range.end - 2) && tokens.is_mark(range.end - 3, ",");
    let is_alone = range.clone().filter(|i| is_zone(*i)).count() == 1;
    let local_time = || LocalTime { text: text.clone(), field: tokens.reference(&tokens.range(text)) };
    (is_usual && is_alone).then(local_time)
}

fn plain(tokens: &Tokens<'_>, range: Range<usize>) -> Result<Option<PlainCast>, Fault> {
    let Some(call) = whole_call(tokens, &range)? else { return Ok(None) };
    let value = call.open + 1..range.end - 1;
    let is_coalesce = tokens.is_keyword(value.start, "coalesce")
        && tokens.is_mark(value.start + 1, "(")
        && tokens.partner(value.start + 1) + 1 == value.end;
    let fields = if is_coalesce { tokens.list(value.start + 2..value.end - 1) } else { vec![value.clone()] };
    let fields: Option<Vec<_>> = fields.iter().map(|field| tokens.reference(field)).collect();
    Ok(fields.map(|fields| PlainCast { kind: call.kind, value: tokens.span(&value), fields }))
}

impl Column {
    /// Whether a value of the column can become null because it does not fit.
    pub fn can_misfit(&self, records: &[JsonRecord]) -> bool {
        !self.expression.parts.is_empty() || self.records.iter().any(|i| !records[*i].argument.parts.is_empty())
    }
}
