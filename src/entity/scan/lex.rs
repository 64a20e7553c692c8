//! The scanner. It cuts SQL as PostgreSQL's own scanner does: the content of a string, a quoted name
//! or a comment is never taken for code.

use super::fault::Fault;

/// A range of bytes in a text.
pub type Span = std::ops::Range<usize>;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::entity) enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A plain string, `'…'`.
    Text,
    /// A string of another kind: `E'…'`, `$$…$$`, `X'…'`.
    OtherText,
    Number,
    Operator,
    /// A single mark: one of `( ) [ ] , ; . :`.
    Mark,
    /// `{name}`: braces around anything but braces and line feeds.
    Placeholder,
}

/// A token, as bytes of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of `text`; white space and comments are left out.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Fault> {
    let mut scanner = Scanner { text, at: 0 };
    let mut tokens = Vec::new();
    while scanner.skip_blanks()? {
        let start = scanner.at;
        let kind = scanner.token()?;
        tokens.push(Token { kind, start, end: scanner.at });
    }
    Ok(tokens)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&self, message: &str, hint: &str) -> Fault {
        Fault::new(self.at, message).hint(hint)
    }

    /// Moves to the next token. Returns false at the end of the text.
    fn skip_blanks(&mut self) -> Result<bool, Fault> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at +=
                    block_comment(rest).ok_or_else(|| self.fault("a comment is not closed", "end it with */"))?;
            } else {
                return Ok(!rest.is_empty());
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind, Fault> {
        let rest = self.rest();
        let next = rest.chars().next().unwrap_or_default();
        let (kind, length) = match next {
            '\'' => (TokenKind::Text, self.closed(quoted(rest, 1, '\'', false))?),
            '"' => (TokenKind::Quoted, self.closed(quoted(rest, 1, '"', false))?),
            '$' => (TokenKind::OtherText, self.dollar()?),
            '{' => (TokenKind::Placeholder, self.placeholder()?),
            '(' | ')' | '[' | ']' | ',' | ';' => (TokenKind::Mark, 1),
            ':' if rest.starts_with("::") || rest.starts_with(":=") => (TokenKind::Operator, 2),
            ':' => (TokenKind::Mark, 1),
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (TokenKind::Mark, 1),
            c if c.is_ascii_digit() || c == '.' => (TokenKind::Number, number(rest)),
            c if is_operator(c) => (TokenKind::Operator, operator(rest)),
            c if is_letter(c) => self.word()?,
            _ => return Err(self.fault("a character that SQL does not have here", "remove it, or quote it")),
        };
        self.at += length;
        Ok(kind)
    }

    fn closed(&self, length: Option<usize>) -> Result<usize, Fault> {
        length.ok_or_else(|| self.fault("a quote is not closed", "close it; a quote inside is written twice"))
    }

    /// A word, or the string whose prefix it is.
    fn word(&self) -> Result<(TokenKind, usize), Fault> {
        let rest = self.rest();
        let length = rest.find(|c| !is_letter(c) && !c.is_ascii_digit() && c != '$').unwrap_or(rest.len());
        if rest[length..].starts_with('\'') && length == 1 {
            match rest.as_bytes()[0].to_ascii_lowercase() {
                b'e' => return Ok((TokenKind::OtherText, self.closed(quoted(rest, 2, '\'', true))?)),
                b'b' | b'x' | b'n' => return Ok((TokenKind::OtherText, self.closed(quoted(rest, 2, '\'', false))?)),
                _ => {}
            }
        }
        if rest[..length].eq_ignore_ascii_case("u") && (rest[1..].starts_with("&'") || rest[1..].starts_with("&\"")) {
            return Err(self.fault("U& escapes are not read here", "write the characters themselves"));
        }
        Ok((TokenKind::Word, length))
    }

    fn dollar(&self) -> Result<usize, Fault> {
        let rest = self.rest();
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2]);
        let is_tag = |tag: &&str| {
            let inner = &tag[1..tag.len() - 1];
            inner.chars().all(|c| is_letter(c) || c.is_ascii_digit())
                && !inner.starts_with(|c: char| c.is_ascii_digit())
        };
        let Some(tag) = tag.filter(is_tag) else {
            return Err(self.fault(
                "parameters cannot be used here",
                "what differs between runs is a placeholder, {source} for example",
            ));
        };
        self.closed(rest[tag.len()..].find(tag).map(|end| end + 2 * tag.len()))
    }

    fn placeholder(&self) -> Result<usize, Fault> {
        let end = self.rest()[1..].find(['{', '}', '\n']).map(|end| end + 1);
        end.filter(|end| self.rest()[*end..].starts_with('}')).map(|end| end + 1).ok_or_else(|| {
            self.fault("braces that are not a placeholder", "a placeholder is {name}; other braces belong in quotes")
        })
    }
}

/// Length of a text in quotes whose content begins at `from`; a doubled quote is one of the content.
fn quoted(rest: &str, from: usize, quote: char, escapes: bool) -> Option<usize> {
    let mut chars = rest[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some(from + at + 1);
        }
    }
    None
}

/// Length of a block comment; they nest.
fn block_comment(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        let next = rest[at..].find(['*', '/'])? + at;
        at = next + 1;
        if rest[next..].starts_with("/*") {
            (depth, at) = (depth + 1, next + 2);
        } else if rest[next..].starts_with("*/") {
            (depth, at) = (depth - 1, next + 2);
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let goes_on = |i: &usize| {
        let c = bytes[*i];
        let is_sign = matches!(c, b'+' | b'-') && matches!(bytes[i - 1], b'e' | b'E');
        c.is_ascii_alphanumeric() || c == b'_' || c == b'.' || is_sign && !rest.starts_with("0x")
    };
    (1..bytes.len()).find(|i| !goes_on(i)).unwrap_or(bytes.len())
}

/// Length of an operator. It ends before a comment, and only one with a special character may end in a sign.
fn operator(rest: &str) -> usize {
    let run = rest.find(|c| !is_operator(c)).unwrap_or(rest.len());
    let run = ["--", "/*"].iter().filter_map(|comment| rest[..run].find(comment)).min().unwrap_or(run);
    let operator = &rest[..run];
    match operator.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) {
        true => run,
        false => operator.trim_end_matches(['+', '-']).len().max(1),
    }
}

fn is_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?".contains(c)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        lex(text).unwrap().iter().map(|token| &text[token.start..token.end]).collect()
    }

    #[test]
    fn tokens_end_where_those_of_postgresql_end() {
        for (text, expected) in [
            ("a->>'b'", vec!["a", "->>", "'b'"]),
            ("a--b\nc", vec!["a", "c"]),
            ("1/*x/*y*/z*/+-2", vec!["1", "+", "-", "2"]),
            ("a<-1", vec!["a", "<", "-", "1"]),
            ("a @-b", vec!["a", "@-", "b"]),
            ("a->-1", vec!["a", "->", "-", "1"]),
            (
                "'it''s -- no' || E'\\' as' || $x$ $$ ' $x$",
                vec!["'it''s -- no'", "||", "E'\\' as'", "||", "$x$ $$ ' $x$"],
            ),
            ("\"a \"\"b\"\" as\".c$1", vec!["\"a \"\"b\"\" as\"", ".", "c$1"]),
            ("x::int[1:2]", vec!["x", "::", "int", "[", "1", ":", "2", "]"]),
            ("1.5e-3 .5 0x1F 1_000 é", vec!["1.5e-3", ".5", "0x1F", "1_000", "é"]),
            ("{source}{all core.x}", vec!["{source}", "{all core.x}"]),
            ("X'1F' n'ä' ex'a'", vec!["X'1F'", "n'ä'", "ex", "'a'"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_or_not_known_is_refused_where_it_begins() {
        for (text, at) in [
            ("a 'b", 2),
            ("a /* /* */", 2),
            ("\"x", 0),
            ("a $1", 2),
            ("$x$ y", 0),
            ("{sources\n}", 0),
            ("a \\", 2),
            ("U&'x'", 0),
        ] {
            assert_eq!(lex(text).unwrap_err().at, at, "{text}");
        }
    }
}
