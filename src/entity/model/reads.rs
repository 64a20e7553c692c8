//! How often a select reads what the from clause gives; in doubt, more often.

use std::ops::Range;

use super::from::{Children, JsonRecord};
use crate::entity::scan::Tokens;

/// A name in the select, other than after `as`.
#[derive(Debug)]
pub(super) struct Read {
    name: String,
    /// The byte at which it begins.
    at: usize,
    /// The alias before it, if it has one.
    of: Option<String>,
    /// Whether a column follows it, as in `d.name`.
    has_column: bool,
}

/// All names in the first `end` tokens.
pub(super) fn all(tokens: &Tokens<'_>, end: usize) -> Vec<Read> {
    let is_given = |i: usize| i > 0 && tokens.is_keyword(i - 1, "as");
    let read = |i: usize| {
        let of = if tokens.is_qualified(i) { tokens.name(i.checked_sub(2)?) } else { None };
        let has_column = tokens.is_mark(i + 1, ".") && tokens.name(i + 2).is_some();
        Some(Read { name: tokens.name(i)?, at: tokens.start(i), of, has_column })
    };
    (0..end).filter(|i| !is_given(*i)).filter_map(read).collect()
}

/// Whether these tokens read a record: one of its columns, with or without the alias, or all of it.
pub(super) fn is_read(tokens: &Tokens<'_>, range: &Range<usize>, record: &JsonRecord) -> bool {
    let is_column = |name: &str| record.columns.iter().any(|column| column.name == name);
    range.clone().any(|i| {
        let names_it =
            |name: String| name == record.alias && !tokens.is_qualified(i) || tokens.is_bare(i) && is_column(&name);
        tokens.name(i).is_some_and(names_it)
    })
}

/// Counts the reads of a record's columns. A name without an alias may mean one of them.
pub(super) fn of_record(reads: &[Read], record: &mut JsonRecord) {
    let is_definition = |read: &Read| record.columns.iter().any(|column| column.definition.contains(&read.at));
    let reads: Vec<&Read> = reads.iter().filter(|read| !is_definition(read)).collect();
    let is_ours = |read: &Read| read.of.as_ref().is_none_or(|alias| *alias == record.alias);
    for column in &mut record.columns {
        column.reads = reads.iter().filter(|read| read.name == column.name && is_ours(read)).count();
    }
    record.is_read_whole = reads.iter().any(|read| read.name == record.alias && read.of.is_none() && !read.has_column);
}

/// Counts the reads of an array's elements.
pub(super) fn of_children(reads: &[Read], children: &mut Children) {
    let of_alias = |read: &&Read| read.of.as_ref() == Some(&children.alias);
    let count = |name: &str| reads.iter().filter(of_alias).filter(|read| read.name == name).count();
    children.id_reads = count("id");
    children.value_reads = count("value");
    let is_bare = |read: &Read| {
        let is_column = read.name == "id" || read.name == "value";
        // One bare mention of the alias is its definition, unless that is written with `as`.
        is_column && read.of.is_none() && !read.has_column
    };
    let named = reads.iter().filter(|read| read.name == children.alias && read.of.is_none() && !read.has_column);
    let is_definition = |read: &&Read| children.cross_join.as_ref().is_some_and(|span| span.contains(&read.at));
    children.has_other_reads = reads.iter().filter(of_alias).count() > children.id_reads + children.value_reads
        || reads.iter().any(is_bare)
        || named.filter(|read| !is_definition(read)).count() > 0;
}
