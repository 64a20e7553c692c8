//! Tokens, and the questions that a grammar asks about them: words, names, brackets, lists.

use std::ops::Range;

use super::fault::Fault;
use super::lex::{Span, Token, TokenKind, lex};

/// The tokens of a text, with its brackets matched. Tokens are known by their index; an index past the end
/// is allowed.
#[derive(Debug)]
pub(in crate::entity) struct Tokens<'a> {
    text: &'a str,
    list: Vec<Token>,
    /// For an opening bracket the closing one, and the other way round.
    partner: Vec<usize>,
}

impl<'a> Tokens<'a> {
    pub(in crate::entity) fn new(text: &'a str) -> Result<Self, Fault> {
        let list = lex(text)?;
        let mut partner = vec![0; list.len()];
        let mut open: Vec<usize> = Vec::new();
        for (i, token) in list.iter().enumerate() {
            let mark = &text[token.start..token.end];
            if token.kind != TokenKind::Mark || !"()[]".contains(mark) {
                continue;
            }
            if mark == "(" || mark == "[" {
                open.push(i);
                continue;
            }
            let opening = if mark == ")" { "(" } else { "[" };
            match open.pop().filter(|j| text[list[*j].start..].starts_with(opening)) {
                Some(j) => (partner[i], partner[j]) = (j, i),
                None => return Err(Fault::new(token.start, format!("a {mark:?} closes nothing"))),
            }
        }
        match open.pop() {
            Some(i) => Err(Fault::new(list[i].start, "a bracket is not closed")),
            None => Ok(Self { text, list, partner }),
        }
    }

    pub(in crate::entity) fn len(&self) -> usize {
        self.list.len()
    }

    /// The text of a token; empty past the end.
    pub(in crate::entity) fn str(&self, i: usize) -> &'a str {
        self.list.get(i).map_or("", |token| &self.text[token.start..token.end])
    }

    pub(in crate::entity) fn kind(&self, i: usize) -> Option<TokenKind> {
        self.list.get(i).map(|token| token.kind)
    }

    /// Where a token begins; past the end, where the text ends.
    pub(in crate::entity) fn start(&self, i: usize) -> usize {
        self.list.get(i).map_or(self.text.len(), |token| token.start)
    }

    /// The text from the first of these tokens to the end of the last.
    pub(in crate::entity) fn span(&self, tokens: &Range<usize>) -> Span {
        let start = self.start(tokens.start);
        let last = tokens.end.checked_sub(1).filter(|last| *last >= tokens.start);
        start..last.and_then(|i| self.list.get(i)).map_or(start, |token| token.end)
    }

    /// The tokens in a span of the text.
    pub(in crate::entity) fn range(&self, span: &Span) -> Range<usize> {
        let start = self.list.partition_point(|token| token.start < span.start);
        start..self.list.partition_point(|token| token.end <= span.end)
    }

    /// The other bracket of a pair.
    pub(in crate::entity) fn partner(&self, i: usize) -> usize {
        self.partner[i]
    }

    pub(in crate::entity) fn is_mark(&self, i: usize, mark: &str) -> bool {
        self.kind(i) == Some(TokenKind::Mark) && self.str(i) == mark
    }

    /// Whether a token is this keyword: neither quoted, nor a column after its alias, nor a name after
    /// `as`.
    pub(in crate::entity) fn is_keyword(&self, i: usize, word: &str) -> bool {
        let is_word =
            |i: usize, word: &str| self.kind(i) == Some(TokenKind::Word) && self.str(i).eq_ignore_ascii_case(word);
        is_word(i, word) && !self.is_qualified(i) && (i == 0 || !is_word(i - 1, "as"))
    }

    /// The name that a token means: without quotes in lower case.
    pub(in crate::entity) fn name(&self, i: usize) -> Option<String> {
        let text = self.str(i);
        match self.kind(i)? {
            TokenKind::Word => Some(text.to_ascii_lowercase()),
            TokenKind::Quoted => Some(text[1..text.len() - 1].replace("\"\"", "\"")),
            _ => None,
        }
    }

    pub(in crate::entity) fn is_name(&self, i: usize, name: &str) -> bool {
        self.name(i).as_deref() == Some(name)
    }

    /// The content of a plain string, unquoted; `None` for any other token.
    pub(in crate::entity) fn literal(&self, i: usize) -> Option<String> {
        let text = self.str(i);
        (self.kind(i)? == TokenKind::Text).then(|| text[1..text.len() - 1].replace("''", "'"))
    }

    /// The tokens of a range that are not inside its brackets; of each bracket, the opening one.
    pub(in crate::entity) fn outer(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let mut next = range.start;
        std::iter::from_fn(move || {
            let i = (next < range.end).then_some(next)?;
            let opens = self.is_mark(i, "(") || self.is_mark(i, "[");
            next = if opens { self.partner(i) + 1 } else { i + 1 };
            Some(i)
        })
    }

    /// The parts of a range between its commas; none of an empty range.
    pub(in crate::entity) fn list(&self, range: Range<usize>) -> Vec<Range<usize>> {
        if range.is_empty() {
            return Vec::new();
        }
        let mut start = range.start;
        let mut parts = Vec::new();
        for comma in self.outer(range.clone()).filter(|i| self.is_mark(*i, ",")) {
            parts.push(start..comma);
            start = comma + 1;
        }
        parts.push(start..range.end);
        parts
    }

    /// Alias and column, `d.name`, if that is all that a range is.
    pub(in crate::entity) fn reference(&self, range: &Range<usize>) -> Option<(String, String)> {
        let is_all = range.len() == 3 && self.is_mark(range.start + 1, ".");
        self.name(range.start).filter(|_| is_all).zip(self.name(range.start + 2))
    }

    /// Whether the token is the column of an alias, `d.name`.
    pub(in crate::entity) fn is_qualified(&self, i: usize) -> bool {
        i > 0 && self.is_mark(i - 1, ".")
    }

    /// Whether the token is a name by itself: not with an alias, not of a function, and not after `as`.
    pub(in crate::entity) fn is_bare(&self, i: usize) -> bool {
        let is_alone = !self.is_qualified(i) && !self.is_mark(i + 1, ".") && !self.is_mark(i + 1, "(");
        is_alone && !(i > 0 && self.is_keyword(i - 1, "as"))
    }

    /// Whether a bracket holds a select of its own.
    pub(in crate::entity) fn opens_select(&self, i: usize) -> bool {
        self.is_mark(i, "(") && ["select", "with", "values", "table"].iter().any(|word| self.is_keyword(i + 1, word))
    }

    /// Whether a function is called here, `name(` or `schema.name(`, and where its bracket opens.
    pub(in crate::entity) fn call(&self, i: usize) -> Option<(String, usize)> {
        let qualified = self.is_mark(i + 1, ".");
        let at = if qualified { i + 2 } else { i };
        let name = self.name(at).filter(|_| self.is_mark(at + 1, "("))?;
        let is_ours = !qualified || ["pg_catalog", "evo"].iter().any(|schema| self.is_name(i, schema));
        let name = match qualified && self.is_name(i, "evo") {
            true => format!("evo.{name}"),
            false if is_ours => name,
            false => format!("{}.{name}", self.str(i)),
        };
        Some((name, at + 1))
    }
}
