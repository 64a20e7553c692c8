//! A model's text with some spans replaced. What is not replaced stays as its author wrote it, comments included.

use crate::entity::{Placeholder, Select, Span};

/// What a model is read over.
#[derive(Debug, Clone, Copy)]
pub(in crate::transform) struct Rows<'a> {
    /// The staged rows, as a relation.
    pub source: &'a str,
    /// The entity's zone, as a literal.
    pub zone: &'a str,
}

/// A text in the making.
#[derive(Debug)]
pub(super) struct Text<'a> {
    select: &'a Select,
    edits: Vec<(Span, String)>,
}

impl<'a> Text<'a> {
    /// The text as it was written, placeholders filled.
    pub(super) fn new(select: &'a Select, rows: Rows<'_>) -> Self {
        let value = |placeholder: &Placeholder| match placeholder {
            Placeholder::Source => rows.source.to_owned(),
            Placeholder::Zone => rows.zone.to_owned(),
        };
        Self { select, edits: select.placeholders().iter().map(|(p, span)| (span.clone(), value(p))).collect() }
    }

    /// The same with `evo.try_…` in the place of `evo.as_…`.
    pub(super) fn careful(select: &'a Select, rows: Rows<'_>) -> Self {
        let mut text = Self::new(select, rows);
        for name in select.casts() {
            // `as_bigint`, also in quotes or capitals
            let ending = select.slice(name).trim_matches('"')[3..].to_ascii_lowercase();
            text.replace(name.clone(), format!("try_{ending}"));
        }
        text
    }

    /// Replaces a span. Of spans that overlap the one that begins first counts, and of those the longest.
    pub(super) fn replace(&mut self, span: Span, by: String) {
        self.edits.push((span, by));
    }

    /// Adds something behind a span.
    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.edits.push((at..at, text));
    }

    /// The whole select.
    pub(super) fn all(&self) -> String {
        self.part(&self.select.body())
    }

    /// A part of it.
    pub(super) fn part(&self, span: &Span) -> String {
        let mut edits: Vec<_> =
            self.edits.iter().filter(|(edit, _)| span.start <= edit.start && edit.end <= span.end).collect();
        edits.sort_by_key(|(edit, _)| (edit.start, std::cmp::Reverse(edit.end)));
        let mut text = String::new();
        let mut at = span.start;
        for (edit, by) in edits.into_iter() {
            if edit.start < at {
                continue;
            }
            text += self.select.slice(&(at..edit.start));
            text += by;
            at = edit.end;
        }
        text + self.select.slice(&(at..span.end))
    }
}
