//! The select of a model, as data.

use std::ops::Range;

use super::casts::cast_at;
use super::column::{Column, columns};
use super::from::{Children, From, JsonRecord, twice};
use super::questions::{self, Question};
use super::{reads, zones};
use crate::entity::scan::{Fault, Span, TokenKind, Tokens};
use crate::error::Result;

/// A model's select as data. Spans are bytes of [`Select::whole`].
#[derive(Debug, Clone)]
pub struct Select {
    pub(super) file: String,
    text: String,
    /// The columns that the header names.
    pub(super) key: Vec<String>,
    body: Span,
    is_distinct: bool,
    is_free_of_zones: bool,
    zones: Vec<(String, Span)>,
    source: String,
    columns: Vec<Column>,
    children: Option<Children>,
    records: Vec<JsonRecord>,
    questions: Vec<Question>,
    /// The text after the last known item of the from clause; may be empty.
    pub(super) rest: Span,
    /// Where `from` begins.
    pub(super) from_at: usize,
    placeholders: Vec<(Placeholder, Span)>,
    casts: Vec<Span>,
    text_arrays: Vec<Span>,
}

/// A placeholder in a model.
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
    /// `Config`, with file and line, for a select that not every reading could render.
    pub fn parse(file: &str, text: &str, key: &[String]) -> Result<Self> {
        read(file, text, key).map_err(|fault| fault.in_file(file, text))
    }

    /// The file that it was read from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The text from `select` or `with` to the end, as it was written.
    pub fn text(&self) -> &str {
        self.slice(&self.body)
    }

    /// The whole text of the file, in which all spans are.
    pub fn whole(&self) -> &str {
        &self.text
    }

    /// The text in a span.
    pub fn slice(&self, span: &Span) -> &str {
        &self.text[span.clone()]
    }

    /// The span of [`Select::text`].
    pub fn body(&self) -> Span {
        self.body.clone()
    }

    /// The alias of the staged rows.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The select list, in order; no name comes twice.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The array whose elements are the rows; `None` where a document is a row.
    pub fn children(&self) -> Option<&Children> {
        self.children.as_ref()
    }

    /// The records of the from clause, in order.
    pub fn records(&self) -> &[JsonRecord] {
        &self.records
    }

    /// The questions about fields of the array's elements, in order.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Whether it is `select distinct`.
    pub fn is_distinct(&self) -> bool {
        self.is_distinct
    }

    /// Whether the rows are the same in every time zone of the session; in doubt, false.
    pub fn is_free_of_zones(&self) -> bool {
        self.is_free_of_zones
    }

    /// The time zones that it names itself, each with its place.
    pub fn zones(&self) -> &[(String, Span)] {
        &self.zones
    }

    /// File and line of a byte of [`Select::whole`]: `own/models/visits/visits.sql:7`.
    pub fn place(&self, at: usize) -> String {
        format!("{}:{}", self.file, self.text[..at].matches('\n').count() + 1)
    }

    /// The text after the last record or array: joins, conditions, an order.
    pub fn rest(&self) -> &str {
        self.slice(&self.rest)
    }

    /// The placeholders with their spans, in order.
    pub fn placeholders(&self) -> &[(Placeholder, Span)] {
        &self.placeholders
    }

    /// The names of casts, `as_bigint`, in order, wherever they stand.
    pub fn casts(&self) -> &[Span] {
        &self.casts
    }

    /// The names in calls of `evo.text_array`, in order, wherever they stand.
    pub fn text_arrays(&self) -> &[Span] {
        &self.text_arrays
    }
}

pub(super) type SelectResult<T> = std::result::Result<T, Fault>;

pub(super) fn read(file: &str, text: &str, key: &[String]) -> SelectResult<Select> {
    let tokens = Tokens::new(text)?;
    let end = end(&tokens)?;
    let placeholders = placeholders(&tokens, end)?;
    let Parts { list, from, tail, is_distinct } = Parts::of(&tokens, end)?;
    let mut known = From::parse(&tokens, from.start..tail)?;
    let mut sources = placeholders.iter().filter(|(placeholder, _)| *placeholder == Placeholder::Source);
    if let Some((_, span)) = sources.nth(1) {
        return Err(twice(span.start));
    }
    let Some(source) = known.source.take() else {
        return Err(Fault::new(tokens.start(from.start), "the select does not read from {source}")
            .hint("write from {source} s, in the from clause of the whole select"));
    };
    let columns = columns(&tokens, list.clone(), &known.aliases, &known.records)?;
    require_key(&columns, key, tokens.start(list.start))?;
    let casts = casts(&tokens, end, &list, &known)?;
    let end_of_items = known.end();
    let reads = reads::all(&tokens, end);
    known.records.iter_mut().for_each(|record| reads::of_record(&reads, record));
    known.children.iter_mut().for_each(|children| reads::of_children(&reads, children));
    Ok(Select {
        file: file.to_owned(),
        text: text.to_owned(),
        key: key.to_vec(),
        body: tokens.span(&(0..end)),
        is_distinct,
        is_free_of_zones: zones::is_free(&tokens, end),
        zones: zones::named(&tokens, end),
        source,
        from_at: tokens.start(list.end),
        columns,
        questions: known.children.as_ref().map_or(Vec::new(), |children| questions::find(&tokens, end, children)),
        children: known.children,
        records: known.records,
        rest: tokens.span(&(end_of_items..end)),
        placeholders,
        casts,
        text_arrays: text_arrays(&tokens, end),
    })
}

fn placeholders(tokens: &Tokens<'_>, end: usize) -> SelectResult<Vec<(Placeholder, Span)>> {
    let mut found = Vec::new();
    for i in (0..end).filter(|i| tokens.kind(*i) == Some(TokenKind::Placeholder)) {
        let placeholder = match tokens.str(i) {
            "{source}" => Placeholder::Source,
            "{zone}" => Placeholder::Zone,
            other => {
                return Err(Fault::new(tokens.start(i), format!("{other} is not a placeholder of a model"))
                    .hint("a model knows {source} and {zone}; other braces belong in quotes"));
            }
        };
        found.push((placeholder, tokens.span(&(i..i + 1))));
    }
    Ok(found)
}

fn require_key(columns: &[Column], key: &[String], at: usize) -> SelectResult<()> {
    match key.iter().find(|name| columns.iter().all(|column| column.name != **name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(at, format!("the select gives no column {name:?}, which the header names"))),
    }
}

/// The names of all casts. Outside of the select list only those may stand whose misfits are filed in another
/// way.
fn casts(tokens: &Tokens<'_>, end: usize, list: &Range<usize>, from: &From) -> SelectResult<Vec<Span>> {
    let mut casts = Vec::new();
    for i in 0..end {
        let Some(call) = cast_at(tokens, i)? else { continue };
        casts.push(tokens.span(&(call.name..call.name + 1)));
        if !list.contains(&i) && !from.filed.contains(&i) {
            return Err(unfiled(tokens.start(i), call.kind));
        }
    }
    Ok(casts)
}

/// The names in calls of `evo.text_array`.
fn text_arrays(tokens: &Tokens<'_>, end: usize) -> Vec<Span> {
    let is_call = |i: &usize| tokens.call(*i).is_some_and(|(function, _)| function == "evo.text_array");
    (0..end).filter(is_call).map(|i| tokens.span(&(i + 2..i + 3))).collect()
}

/// The tokens without the semicolon at the end.
fn end(tokens: &Tokens<'_>) -> SelectResult<usize> {
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
    /// The tokens after `from`.
    from: Range<usize>,
    /// Where `where` and what may follow it begin.
    tail: usize,
    is_distinct: bool,
}

impl Parts {
    fn of(tokens: &Tokens<'_>, end: usize) -> SelectResult<Self> {
        let hint = "a model is one select over {source}, after its comment lines; a with clause may precede it";
        if !["select", "with"].iter().any(|word| tokens.is_keyword(0, word)) {
            return Err(Fault::new(tokens.start(0), "the model does not begin with select").hint(hint));
        }
        let Some(select) = tokens.outer(0..end).find(|i| tokens.is_keyword(*i, "select")) else {
            return Err(Fault::new(tokens.start(0), "there is no select after the with clause").hint(hint));
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

/// A model is read in parts of the rows: a clause about several rows, or some of them, would be about a part.
fn refuse_what_parts_cannot_do(tokens: &Tokens<'_>, range: Range<usize>) -> SelectResult<()> {
    const REFUSED: [&str; 9] = ["having", "limit", "offset", "fetch", "for", "into", "union", "intersect", "except"];
    let is_group = |i: usize| tokens.is_keyword(i, "group") && tokens.is_keyword(i + 1, "by");
    let refused = |i: &usize| is_group(*i) || REFUSED.iter().any(|word| tokens.is_keyword(*i, word));
    match tokens.outer(range).find(refused) {
        None => Ok(()),
        Some(i) => {
            let word = tokens.str(i).to_ascii_lowercase();
            Err(Fault::new(tokens.start(i), format!("a model cannot use {word}")).hint(
                "a model is read in parts, document by document: what sums up or picks belongs in a lateral select \
                 over one document",
            ))
        }
    }
}

fn unfiled(at: usize, kind: &str) -> Fault {
    let message = format!("evo.as_{kind} is outside the select list, where its misfits could not be recorded");
    Fault::new(at, message).hint(match kind {
        "children" => {
            "write cross join lateral evo.as_children(s.raw_data, 'array', 'idOfAnElement') c, in the from clause of \
             the whole select"
        }
        _ => "cast in a column; a condition compares the text: d.kind = 'a'",
    })
}
