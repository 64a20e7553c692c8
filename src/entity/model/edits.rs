//! Changes of spans of a text. What is not changed stays as its author wrote it, comments included.

use crate::entity::scan::Span;

/// Texts that take the place of spans.
#[derive(Debug, Clone, Default)]
pub struct Edits(Vec<(Span, String)>);

impl Edits {
    /// Replaces a span. Of spans that overlap, the one that begins first counts, and of those the longest.
    pub fn replace(&mut self, span: Span, by: String) {
        self.0.push((span, by));
    }

    /// A part of the text with the edits that lie inside of it.
    pub fn apply(&self, whole: &str, part: Span) -> String {
        let mut edits: Vec<_> =
            self.0.iter().filter(|(edit, _)| part.start <= edit.start && edit.end <= part.end).collect();
        edits.sort_by_key(|(edit, _)| (edit.start, std::cmp::Reverse(edit.end)));
        let (mut text, mut at) = (String::new(), part.start);
        for (edit, by) in edits {
            if edit.start < at {
                continue;
            }
            text += &whole[at..edit.start];
            text += by;
            at = edit.end;
        }
        text + &whole[at..part.end]
    }
}
