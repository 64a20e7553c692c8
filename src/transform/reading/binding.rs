//! The values of a model's placeholders, and the model's text with spans replaced.

use crate::entity::{Edits, Placeholder, Select, Span};
use crate::sql::ident;

/// The values of a model's placeholders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'a> {
    /// `{source}`: the staged rows, as a relation.
    pub rows: &'a str,
    /// `{zone}`: the entity's zone, as a literal.
    pub zone: &'a str,
    /// A column of the staged rows that the select gives besides its own, if any.
    pub also: Option<&'a str>,
}

/// A reading in the making. What is not replaced stays as its author wrote it, comments included.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    select: &'a Select,
    edits: Edits,
}

impl<'a> Draft<'a> {
    /// The text as it was written, with its placeholders filled.
    pub(super) fn new(select: &'a Select, binding: Binding<'_>) -> Self {
        let mut draft = Self { select, edits: Edits::default() };
        for (placeholder, span) in select.placeholders() {
            let value = match placeholder {
                Placeholder::Source => binding.rows,
                Placeholder::Zone => binding.zone,
            };
            draft.replace(span.clone(), value.to_owned());
        }
        if let (Some(also), Some(last)) = (binding.also, select.columns().last()) {
            draft.insert(last.end, format!(",\n    {0}.{1} as {1}", ident(select.source()), ident(also)));
        }
        draft
    }

    /// A draft with `evo.try_…` for `evo.as_…`.
    pub(super) fn careful(select: &'a Select, binding: Binding<'_>) -> Self {
        let mut draft = Self::new(select, binding);
        for name in select.casts() {
            // `as_bigint`, also in quotes or capitals
            let ending = select.slice(name).trim_matches('"')[3..].to_ascii_lowercase();
            draft.replace(name.clone(), format!("try_{ending}"));
        }
        draft
    }

    /// Replaces a span. Of spans that overlap, the one that begins first counts, and of those the longest.
    pub(super) fn replace(&mut self, span: Span, by: String) {
        self.edits.replace(span, by);
    }

    /// Inserts a text at this byte.
    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    /// The whole select, with all replacements.
    pub(super) fn all(&self) -> String {
        self.part(&self.select.body())
    }

    /// The text of a span, with the replacements in it.
    pub(super) fn part(&self, span: &Span) -> String {
        self.edits.apply(self.select.whole(), span.clone())
    }
}
