//! The from clause: the staged rows, the array that is unfolded, the records that documents are taken apart
//! into.

use std::ops::Range;

use super::casts::{CHILDREN, cast_at};
use super::expression::Expression;
use super::native::{advised, takes_everything};
use super::path::{AliasTarget, Aliases, paths};
use crate::entity::scan::Fault;
use crate::entity::scan::Span;
use crate::entity::scan::Tokens;

/// `evo.as_children(…) c`: a row for each element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Children {
    /// Its alias: `c`.
    pub alias: String,
    /// The arguments of the call.
    pub arguments: Span,
    /// The first of them, the document.
    pub document: Span,
    /// Name of the field with the array.
    pub array: String,
    /// Name of the field with an element's id.
    pub id: String,
    /// The item of the from clause, `cross join lateral` included; `None` if it is joined in another manner.
    pub cross_join: Option<Span>,
    /// How often the select reads the element's id.
    pub id_reads: usize,
    /// How often it reads the element, `c.value`.
    pub value_reads: usize,
    /// Whether it reads the element in another way, or without naming the alias.
    pub has_other_reads: bool,
}

/// `jsonb_to_record(…) as d (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonRecord {
    /// Its alias: `d`.
    pub alias: String,
    /// `jsonb_to_record`, or one of its kin.
    pub function: String,
    /// Where the value that is taken apart is in the document: `responsible`; empty for the document itself.
    pub path: String,
    /// The call, up to its bracket.
    pub call: Span,
    /// The value that is taken apart.
    pub argument: Expression,
    /// The tokens of the argument.
    pub(super) tokens: Range<usize>,
    /// The argument as alias and column, if that is all it is.
    pub reference: Option<(String, String)>,
    /// The columns that it defines.
    pub columns: Vec<RecordColumn>,
    /// The byte after its alias and columns.
    pub end: usize,
    /// Whether it is joined by `cross join lateral`, right after the array that is unfolded.
    pub follows_children: bool,
    /// The record is also read as a whole: `to_jsonb(d)`, `d.*`.
    pub is_read_whole: bool,
}

/// A column that a record defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordColumn {
    /// Name, as the server understands it.
    pub name: String,
    /// Its definition: `"idMember" text`.
    pub definition: Span,
    /// The type in its definition.
    pub kind: Span,
    /// How often the select reads it, at most.
    pub reads: usize,
}

/// The parts of a from clause that readings have to know.
#[derive(Debug, Default)]
pub(super) struct From {
    /// Alias of the staged rows, once they were found.
    pub source: Option<String>,
    pub children: Option<Children>,
    pub records: Vec<JsonRecord>,
    pub aliases: Aliases,
    /// Calls of casts, by their first token, whose misfits are filed.
    pub filed: Vec<usize>,
    /// The last token of the last item.
    end: usize,
}

/// Functions that take a document apart, and what they add to its path.
const UNFOLDING: [(&str, &str); 6] = [
    ("jsonb_to_record", ""),
    ("json_to_record", ""),
    ("jsonb_to_recordset", "[]"),
    ("json_to_recordset", "[]"),
    ("jsonb_array_elements", "[]"),
    ("jsonb_array_elements_text", "[]"),
];

/// An item of the from clause: the tokens from its join to the end of what it is.
struct Item {
    /// `cross join lateral`, if it is joined so.
    cross: Option<usize>,
    alias: String,
    /// The token after the alias.
    end: usize,
}

impl From {
    /// Reads the items in `range`, which begins after `from`.
    pub(super) fn parse(tokens: &Tokens<'_>, range: Range<usize>) -> Result<Self, Fault> {
        let mut from = From::default();
        for i in tokens.outer(range.clone()) {
            if tokens.str(i) == "{source}" {
                from.staged(tokens, i)?;
            } else if begins_item(tokens, &range, i)
                && let Some((function, open)) = tokens.call(i)
            {
                from.function(tokens, i, &function, open)?;
            }
        }
        Ok(from)
    }

    fn staged(&mut self, tokens: &Tokens<'_>, i: usize) -> Result<(), Fault> {
        let item = item(tokens, i, i + 1)
            .ok_or_else(|| Fault::new(tokens.start(i), "{source} has no alias").hint("write from {source} s"))?;
        if self.source.is_some() {
            return Err(twice(tokens.start(i)));
        }
        if tokens.is_mark(item.end, "(") {
            return Err(
                Fault::new(tokens.start(i), "the columns of {source} are renamed").hint("write from {source} s")
            );
        }
        self.end = item.end;
        self.aliases.push((item.alias.clone(), AliasTarget::Staged));
        self.source = Some(item.alias);
        Ok(())
    }

    fn function(&mut self, tokens: &Tokens<'_>, i: usize, function: &str, open: usize) -> Result<(), Fault> {
        let close = tokens.partner(open);
        let behind = if tokens.is_keyword(close + 1, "with") { close + 3 } else { close + 1 };
        let item = item(tokens, i, behind);
        if cast_at(tokens, i)?.is_some_and(|call| call.kind == CHILDREN) {
            let item = item.ok_or_else(|| Fault::new(tokens.start(i), "evo.as_children has no alias"))?;
            return self.children(tokens, i, open, item);
        }
        let Some(suffix) = UNFOLDING.iter().find(|(name, _)| *name == function).map(|(_, suffix)| *suffix) else {
            return Ok(());
        };
        let Some(item) = item else { return Ok(()) };
        let argument = open + 1..close;
        let path = paths(tokens, argument.clone(), &self.aliases).into_iter().next().unwrap_or_default() + suffix;
        let definition = tokens.is_mark(item.end, "(").then(|| item.end + 1..tokens.partner(item.end));
        if !function.contains("_to_record") {
            let column = definition.and_then(|list| tokens.name(list.start)).unwrap_or_else(|| "value".to_owned());
            self.aliases.push((item.alias, AliasTarget::Element { path, column }));
            return Ok(());
        }
        self.filed.extend(argument.clone().filter(|i| !matches!(cast_at(tokens, *i), Ok(None))));
        let columns = definition.map_or(Ok(Vec::new()), |list| columns(tokens, list))?;
        let follows_children = self.children.is_some() && item.cross == Some(self.end);
        self.end = if columns.is_empty() { item.end } else { tokens.partner(item.end) + 1 };
        let names = columns.iter().map(|column| column.name.clone()).collect();
        self.aliases.push((item.alias.clone(), AliasTarget::Record { path: path.clone(), columns: names }));
        let item_tokens = i..self.end;
        self.records.push(JsonRecord {
            alias: item.alias,
            function: function.to_owned(),
            path,
            call: tokens.span(&(i..close + 1)),
            reference: tokens.reference(&argument),
            tokens: argument.clone(),
            argument: Expression::parse(tokens, argument)?,
            columns,
            end: tokens.span(&item_tokens).end,
            follows_children,
            is_read_whole: false,
        });
        Ok(())
    }

    fn children(&mut self, tokens: &Tokens<'_>, i: usize, open: usize, item: Item) -> Result<(), Fault> {
        let at = tokens.start(i);
        let usage = "write cross join lateral evo.as_children(s.raw_data, 'array', 'idOfAnElement') c";
        let arguments = open + 1..tokens.partner(open);
        let parts = tokens.list(arguments.clone());
        let text = |part: &Range<usize>| tokens.literal(part.start).filter(|_| part.len() == 1);
        let [document, array, id] = &parts[..] else {
            return Err(Fault::new(at, "evo.as_children takes a document and two names").hint(usage));
        };
        let (Some(array), Some(id)) = (text(array), text(id)) else {
            return Err(Fault::new(at, "the names in evo.as_children are not plain strings").hint(usage));
        };
        if self.children.is_some() {
            return Err(Fault::new(at, "a second array is unfolded")
                .hint("a model is about one array: give it a model of its own"));
        }
        let mut document_tokens = document.clone();
        if let Some(i) = document_tokens.find(|i| tokens.is_mark(i + 1, ".") && tokens.name(*i) != self.source) {
            return Err(Fault::new(tokens.start(i), "evo.as_children reads something other than the staged document")
                .hint(usage));
        }
        self.filed.push(i);
        self.end = item.end;
        self.aliases.push((item.alias.clone(), AliasTarget::Child { array: array.clone(), id: id.clone() }));
        self.children = Some(Children {
            alias: item.alias,
            arguments: tokens.span(&arguments),
            document: tokens.span(document),
            array,
            id,
            cross_join: item.cross.map(|start| tokens.span(&(start..self.end))),
            id_reads: 0,
            value_reads: 0,
            has_other_reads: false,
        });
        Ok(())
    }

    /// The token after the last item that is known.
    pub(super) fn end(&self) -> usize {
        self.end
    }
}

/// The fault of a model that reads its rows twice.
pub(super) fn twice(at: usize) -> Fault {
    Fault::new(at, "{source} is read twice")
        .hint("it stands for a part of the rows: read them once, in from {source} s")
}

/// Whether an item of the from clause begins here.
fn begins_item(tokens: &Tokens<'_>, range: &Range<usize>, i: usize) -> bool {
    i == range.start
        || tokens.is_mark(i - 1, ",")
        || ["lateral", "join"].iter().any(|word| tokens.is_keyword(i - 1, word))
}

/// The item that begins at `first`; its alias, if it has one, is at `at`.
fn item(tokens: &Tokens<'_>, first: usize, at: usize) -> Option<Item> {
    const BEHIND: [&str; 14] = [
        "on",
        "cross",
        "join",
        "inner",
        "left",
        "right",
        "full",
        "natural",
        "using",
        "where",
        "order",
        "tablesample",
        "window",
        "with",
    ];
    let alias = if tokens.is_keyword(at, "as") { at + 1 } else { at };
    let name =
        tokens.name(alias).filter(|_| alias > at || !BEHIND.iter().any(|word| tokens.is_keyword(alias, word)))?;
    let cross = first.checked_sub(3).filter(|start| {
        ["cross", "join", "lateral"].iter().enumerate().all(|(k, word)| tokens.is_keyword(start + k, word))
    });
    Some(Item { cross, alias: name, end: alias + 1 })
}

fn columns(tokens: &Tokens<'_>, list: Range<usize>) -> Result<Vec<RecordColumn>, Fault> {
    let mut columns = Vec::new();
    for part in tokens.list(list) {
        let at = tokens.start(part.start);
        let Some(name) = tokens.name(part.start).filter(|_| part.len() > 1) else {
            return Err(Fault::new(at, "a column of the record has no name and type"));
        };
        let kind = part.start + 1..part.end;
        if kind.len() > 1 || !takes_everything(tokens, kind.start) {
            let message =
                format!("column {name:?} of the record is neither text nor jsonb: one misfit would stop the table");
            let hint = format!("declare it as text and cast it: {}", advised(tokens, kind.start));
            return Err(Fault::new(at, message).hint(hint));
        }
        columns.push(RecordColumn { name, definition: tokens.span(&part), kind: tokens.span(&kind), reads: 0 });
    }
    Ok(columns)
}
