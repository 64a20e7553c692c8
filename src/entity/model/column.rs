//! The select list.

use std::ops::Range;

use super::casts::cast_at;
use super::expression::Expression;
use super::fault::Fault;
use super::from::Record;
use super::lex::Span;
use super::native;
use super::path::{Scope, paths};
use super::reads::is_read;
use super::tokens::Tokens;

/// A column of the select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the server understands it.
    pub name: String,
    /// What it is made of.
    pub expression: Expression,
    /// Where its values stand in the document, `saleItens[].itemValue`, in the order of the text.
    pub paths: Vec<String>,
    /// Records of the from clause that it is read from, by their place there; also those that these are read from.
    pub records: Vec<usize>,
    /// Set if the column is one cast of fields of a record, and nothing else.
    pub plain: Option<Plain>,
    /// The expression as a reference, `s.sale_id`: alias and column.
    pub reference: Option<(String, String)>,
    /// Where it ends, its name included.
    pub end: usize,
}

/// `evo.as_int(d.a)` or `evo.as_int(coalesce(d.a, d.b))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// The cast.
    pub kind: &'static str,
    /// `d.a`, or the `coalesce`.
    pub value: Span,
    /// Alias and column of each field.
    pub fields: Vec<(String, String)>,
}

/// The columns in `list`.
pub(super) fn columns(
    tokens: &Tokens<'_>,
    list: Range<usize>,
    scope: &Scope,
    records: &[Record],
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
            return Err(Fault::new(at, format!("{name:?} is a name of evo's own")).hint("give the column another one"));
        }
        native::refuse(tokens, range.clone(), &aliases)?;
        columns.push(Column {
            expression: Expression::parse(tokens, range.clone())?,
            paths: paths(tokens, range.clone(), scope),
            records: read(tokens, range.clone(), records),
            plain: plain(tokens, range.clone())?
                .filter(|p| p.fields.iter().all(|(a, _)| aliases.contains(&a.as_str()))),
            reference: tokens.reference(&range),
            end: tokens.span(&item).end,
            name,
        });
    }
    Ok(columns)
}

/// The records that an expression is read from.
fn read(tokens: &Tokens<'_>, expression: Range<usize>, records: &[Record]) -> Vec<usize> {
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

fn plain(tokens: &Tokens<'_>, range: Range<usize>) -> Result<Option<Plain>, Fault> {
    let Some(call) = cast_at(tokens, range.start)?.filter(|call| tokens.partner(call.open) + 1 == range.end) else {
        return Ok(None);
    };
    let value = call.open + 1..range.end - 1;
    let is_coalesce = tokens.is_keyword(value.start, "coalesce")
        && tokens.is_mark(value.start + 1, "(")
        && tokens.partner(value.start + 1) + 1 == value.end;
    let fields = if is_coalesce { tokens.list(value.start + 2..value.end - 1) } else { vec![value.clone()] };
    let fields: Option<Vec<_>> = fields.iter().map(|field| tokens.reference(field)).collect();
    Ok(fields.map(|fields| Plain { kind: call.kind, value: tokens.span(&value), fields }))
}

impl Column {
    /// Bytes that an index has room for, where one holds the column.
    pub fn most<'a>(&self, select: &'a super::Select) -> Option<&'a str> {
        let text = select.slice(&self.expression.span).strip_prefix("evo.as_short(")?;
        text.strip_suffix(')')?.rsplit_once(", ").map(|(_, most)| most)
    }

    /// Whether a value of the column can be nulled because it does not fit.
    pub fn is_cast(&self, records: &[Record]) -> bool {
        !self.expression.parts.is_empty() || self.records.iter().any(|i| !records[*i].argument.parts.is_empty())
    }
}
