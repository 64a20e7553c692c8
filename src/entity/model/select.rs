//! A model's select.

use std::ops::Range;

use super::casts::cast_at;
use super::column::{Column, columns};
use super::dates::with_formats;
use super::fault::Fault;
use super::from::{Children, From, Record, twice};
use super::lex::Span;
use super::reads;
use super::shapes;
use super::tokens::Tokens;
use crate::entity::dates::DateFormat;
use crate::error::Result;

/// A model that was understood.
#[derive(Debug, Clone)]
pub struct Select {
    text: String,
    body: Span,
    is_distinct: bool,
    source: String,
    columns: Vec<Column>,
    children: Option<Children>,
    records: Vec<Record>,
    /// Behind the last item of the from clause that is known; empty if nothing follows.
    rest: Span,
    placeholders: Vec<(Placeholder, Span)>,
    casts: Vec<Span>,
}

/// What is filled in when a model is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `{source}`: the rows of staging.
    Source,
    /// `{zone}`: the entity's zone.
    Zone,
}

impl Select {
    /// Reads `text`, the content of `file`. `key` are the columns that the header names.
    ///
    /// # Errors
    /// `Config`, with file and line, for what the readings of a model could not keep apart.
    pub fn parse(file: &str, text: &str, key: &[String]) -> Result<Self> {
        parse(text, key).map_err(|fault| fault.in_file(file, text))
    }

    /// The same model with a check of every place that its select list looks at: see `shapes.rs`. What cannot be checked, in a
    /// select of its own for one, is left as it is.
    pub fn checked(self, key: &[String]) -> Self {
        let checked = shapes::checked(&self).and_then(|text| parse(&text, key).ok());
        checked.unwrap_or(self)
    }

    /// The same model with casts that also read dates in these formats.
    ///
    /// # Errors
    /// `Config`, with the file, when the model cannot be read in that form.
    pub fn with_dates(self, file: &str, formats: &[DateFormat], key: &[String]) -> Result<Self> {
        if formats.is_empty() {
            return Ok(self);
        }
        let text = with_formats(&self.text, formats).map_err(|fault| fault.in_file(file, &self.text))?;
        parse(&text, key).map_err(|fault| fault.in_file(file, &text))
    }

    /// The same model with texts of at most so many bytes, by column.
    pub fn shortened(self, columns: &[(String, i32)], key: &[String]) -> Self {
        let shortened = shapes::shortened(&self, columns).and_then(|text| parse(&text, key).ok());
        shortened.unwrap_or(self)
    }

    /// The text from `select` or `with` to the end, as it was written.
    pub fn text(&self) -> &str {
        self.slice(&self.body)
    }

    /// A part of the text.
    pub fn slice(&self, span: &Span) -> &str {
        &self.text[span.clone()]
    }

    /// Where [`Select::text`] stands in the file.
    pub fn body(&self) -> Span {
        self.body.clone()
    }

    /// Alias of the staged rows.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The select list, in order; no name comes twice.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The array whose elements are the rows; none where a document is a row.
    pub fn children(&self) -> Option<&Children> {
        self.children.as_ref()
    }

    /// The records of the from clause, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// `select distinct`.
    pub fn is_distinct(&self) -> bool {
        self.is_distinct
    }

    /// What follows the last record or array: joins, conditions, an order.
    pub fn rest(&self) -> &str {
        self.slice(&self.rest)
    }

    /// Placeholders, in order.
    pub fn placeholders(&self) -> &[(Placeholder, Span)] {
        &self.placeholders
    }

    /// The names of casts, `as_bigint`, in order, wherever they stand.
    pub fn casts(&self) -> &[Span] {
        &self.casts
    }
}

fn parse(text: &str, key: &[String]) -> std::result::Result<Select, Fault> {
    let tokens = Tokens::new(text)?;
    let end = end(&tokens)?;
    let Parts { list, from, tail, is_distinct } = Parts::of(&tokens, end)?;
    let mut known = From::parse(&tokens, from.start..tail)?;
    if let Some(i) = (0..end).filter(|i| tokens.str(*i) == "{source}").nth(1) {
        return Err(twice(tokens.start(i)));
    }
    let Some(source) = known.source.take() else {
        return Err(Fault::new(tokens.start(from.start), "the select does not read from {source}")
            .hint("write from {source} s, in the from clause of the whole select"));
    };
    let columns = columns(&tokens, list.clone(), &known.scope, &known.records)?;
    for name in key {
        if !columns.iter().any(|column| column.name == *name) {
            return Err(Fault::new(
                tokens.start(list.start),
                format!("the select gives no column {name:?}, which the header names"),
            ));
        }
    }
    let in_columns = |i: usize| list.contains(&i);
    let mut casts = Vec::new();
    for i in 0..end {
        let Some(call) = cast_at(&tokens, i)? else { continue };
        casts.push(tokens.span(&(call.name..call.name + 1)));
        if !in_columns(i) && !known.filed.contains(&i) {
            return Err(unfiled(tokens.start(i), call.kind));
        }
    }
    let end_of_items = known.end();
    let reads = reads::all(&tokens, end);
    known.records.iter_mut().for_each(|record| reads::of_record(&reads, record));
    known.children.iter_mut().for_each(|children| reads::of_children(&reads, children));
    let placeholder = |i: usize| match tokens.str(i) {
        "{source}" => Some((Placeholder::Source, tokens.span(&(i..i + 1)))),
        "{zone}" => Some((Placeholder::Zone, tokens.span(&(i..i + 1)))),
        _ => None,
    };
    Ok(Select {
        text: text.to_owned(),
        body: tokens.span(&(0..end)),
        is_distinct,
        source,
        columns,
        children: known.children,
        records: known.records,
        rest: tokens.span(&(end_of_items..end)),
        placeholders: (0..end).filter_map(placeholder).collect(),
        casts,
    })
}

/// The tokens without the semicolon at the end.
fn end(tokens: &Tokens<'_>) -> std::result::Result<usize, Fault> {
    let end = (0..tokens.len()).find(|i| tokens.is_mark(*i, ";")).unwrap_or(tokens.len());
    if end + 1 < tokens.len() {
        return Err(
            Fault::new(tokens.start(end + 1), "a model is one select").hint("remove what follows the semicolon")
        );
    }
    Ok(end)
}

/// The parts of a select, as tokens.
struct Parts {
    list: Range<usize>,
    /// Behind `from`.
    from: Range<usize>,
    /// Where `where` and what may follow it begin.
    tail: usize,
    is_distinct: bool,
}

impl Parts {
    fn of(tokens: &Tokens<'_>, end: usize) -> std::result::Result<Self, Fault> {
        let hint = "a model is one select over {source}, after its comment lines; a with clause may precede it";
        if !["select", "with"].iter().any(|word| tokens.is_keyword(0, word)) {
            return Err(Fault::new(tokens.start(0), "the model does not begin with select").hint(hint));
        }
        let Some(select) = tokens.outer(0..end).find(|i| tokens.is_keyword(*i, "select")) else {
            return Err(Fault::new(tokens.start(0), "there is no select behind the with clause").hint(hint));
        };
        let mut start = select + 1;
        let is_distinct = tokens.is_keyword(start, "distinct");
        if is_distinct && tokens.is_keyword(start + 1, "on") && tokens.is_mark(start + 2, "(") {
            start = tokens.partner(start + 2) + 1;
        } else if is_distinct || tokens.is_keyword(start, "all") {
            start += 1;
        }
        let is_from = |i: &usize| tokens.is_keyword(*i, "from") && !is_comparison(tokens, *i);
        let from = tokens.outer(start..end).find(is_from);
        let from =
            from.ok_or_else(|| Fault::new(tokens.start(select), "the select does not read from {source}").hint(hint))?;
        refuse_what_parts_cannot_do(tokens, start..end)?;
        let is_tail = |i: &usize| ["where", "window", "order"].iter().any(|word| tokens.is_keyword(*i, word));
        let tail = tokens.outer(from + 1..end).find(is_tail).unwrap_or(end);
        Ok(Self { list: start..from, from: from + 1..end, tail, is_distinct })
    }
}

/// `a is [not] distinct from b`.
fn is_comparison(tokens: &Tokens<'_>, from: usize) -> bool {
    from >= 2
        && tokens.is_keyword(from - 1, "distinct")
        && (tokens.is_keyword(from - 2, "is") || tokens.is_keyword(from - 2, "not"))
}

/// A model is read in parts of the rows: what looks at several rows, or at some of them, would be about a part.
fn refuse_what_parts_cannot_do(tokens: &Tokens<'_>, range: Range<usize>) -> std::result::Result<(), Fault> {
    const REFUSED: [&str; 9] = ["having", "limit", "offset", "fetch", "for", "into", "union", "intersect", "except"];
    let is_group = |i: usize| tokens.is_keyword(i, "group") && tokens.is_keyword(i + 1, "by");
    let refused = |i: &usize| is_group(*i) || REFUSED.iter().any(|word| tokens.is_keyword(*i, word));
    match tokens.outer(range).find(refused) {
        None => Ok(()),
        Some(i) => Err(Fault::new(tokens.start(i), format!("{} is nothing for a model", tokens.str(i).to_ascii_lowercase()))
            .hint("a model is read in parts, document by document: what sums up or picks belongs in a lateral select over one document")),
    }
}

fn unfiled(at: usize, kind: &str) -> Fault {
    let fault =
        Fault::new(at, format!("evo.as_{kind} stands outside of the select list: its misfits could not be filed"));
    fault.hint(match kind {
        "children" => "write cross join lateral evo.as_children(s.raw_data, 'array', 'idOfAnElement') c, in the from clause of the whole select",
        _ => "cast in a column; a condition compares the text: d.kind = 'a'",
    })
}
