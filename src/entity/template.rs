//! SQL with placeholders, scanned once: `{name}` in the code is replaced, in strings and comments it stays
//! what it is.

use super::scan::{Fault, Span, TokenKind, Tokens};
use crate::error::Result;

/// One statement with placeholders.
#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    body: Span,
    /// Placeholders without their braces, in order.
    placeholders: Vec<(String, Span)>,
}

impl Template {
    /// Reads `text`, the content of `file`; its header and the semicolon at its end are no part of the
    /// template. `allow` returns why a placeholder is not allowed, and what to write.
    ///
    /// # Errors
    /// `Config`, with file and line: when there is no statement or more than one, when a quote or a bracket
    /// is not closed, and for a placeholder that is not allowed.
    pub fn parse(
        file: &str,
        text: &str,
        allow: impl Fn(&str) -> std::result::Result<(), (String, String)>,
    ) -> Result<Self> {
        Self::read(text, allow).map_err(|fault| fault.in_file(file, text))
    }

    fn read(
        text: &str,
        allow: impl Fn(&str) -> std::result::Result<(), (String, String)>,
    ) -> std::result::Result<Self, Fault> {
        let tokens = Tokens::new(text)?;
        let end = (0..tokens.len()).find(|i| tokens.is_mark(*i, ";")).unwrap_or(tokens.len());
        if end + 1 < tokens.len() {
            return Err(Fault::new(tokens.start(end + 1), "there is more than one statement")
                .hint("remove what follows the semicolon"));
        }
        if end == 0 {
            return Err(Fault::new(0, "there is no statement").hint("write a select below the header"));
        }
        let mut placeholders = Vec::new();
        for i in (0..end).filter(|i| tokens.kind(*i) == Some(TokenKind::Placeholder)) {
            let name = tokens.str(i).trim_matches(['{', '}']).to_owned();
            allow(&name).map_err(|(message, hint)| Fault::new(tokens.start(i), message).hint(hint))?;
            placeholders.push((name, tokens.span(&(i..i + 1))));
        }
        Ok(Self { text: text.to_owned(), body: tokens.span(&(0..end)), placeholders })
    }

    /// The names of the placeholders, in order and as often as they stand there.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.placeholders.iter().map(|(name, _)| name.as_str())
    }

    /// The statement with a text in the place of each placeholder.
    pub fn render(&self, value: impl Fn(&str) -> String) -> String {
        let (mut text, mut at) = (String::new(), self.body.start);
        for (name, span) in &self.placeholders {
            text += &self.text[at..span.start];
            text += &value(name);
            at = span.end;
        }
        text + &self.text[at..self.body.end]
    }

    /// Makes sure that the statement gives columns of these names, as far as its first select list names
    /// them: one with a `*` may give any.
    ///
    /// # Errors
    /// `Config`, with file and line, for a column that is missing.
    pub fn require_columns(&self, file: &str, names: &[&str], hint: &str) -> Result<()> {
        let missing = |fault: Fault| fault.hint(hint).in_file(file, &self.text);
        let tokens = Tokens::new(&self.text).map_err(missing)?;
        let Some(select) = tokens.outer(0..tokens.len()).find(|i| tokens.is_keyword(*i, "select")) else {
            return Ok(());
        };
        let end = tokens.outer(select + 1..tokens.len()).find(|i| tokens.is_keyword(*i, "from"));
        let list = tokens.list(select + 1..end.unwrap_or(tokens.len()));
        let last = |item: &std::ops::Range<usize>| item.end.saturating_sub(1).max(item.start);
        if list.iter().any(|item| tokens.str(last(item)) == "*") {
            return Ok(());
        }
        let given: Vec<String> = list.iter().filter_map(|item| tokens.name(last(item))).collect();
        match names.iter().find(|name| !given.iter().any(|given| given == *name)) {
            None => Ok(()),
            Some(name) => Err(missing(Fault::new(tokens.start(select), format!("the select gives no {name}")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn parse(text: &str) -> Result<Template> {
        Template::parse("x.sql", text, |name| match name {
            "bad" => Err(("{bad} is not known".to_owned(), "write {good}".to_owned())),
            _ => Ok(()),
        })
    }

    #[test]
    fn placeholders_in_code_are_filled_and_those_in_strings_and_comments_stay() {
        let text = "-- purpose: {a}\nselect {a}, '{a}', \"{a}\" -- {a}\nfrom {all core.x} /* {bad} */ ; -- end";
        let template = parse(text).unwrap();
        assert_eq!(template.placeholders().collect::<Vec<_>>(), ["a", "all core.x"]);
        assert_eq!(template.render(|name| format!("<{name}>")), "select <a>, '{a}', \"{a}\" -- {a}\nfrom <all core.x>");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        for (text, line, message) in [
            ("-- purpose: x\n", 1, "no statement"),
            ("select 1;\nselect 2", 2, "more than one statement"),
            ("select\n'a", 2, "quote is not closed"),
            ("select 1\n\nfrom {bad}", 3, "{bad} is not known"),
            ("select 1\nfrom {x", 2, "not a placeholder"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.message().starts_with(&format!("x.sql:{line}: ")), "{}", error.render());
            assert!(error.message().contains(message), "{}", error.render());
        }
    }

    #[test]
    fn a_column_that_the_first_select_does_not_give_is_missed() {
        let require = |text: &str| parse(text).unwrap().require_columns("x.sql", &["a", "b c"], "add it");
        for text in [
            "select 1 as a, x.\"b c\" from x",
            "with y as (select 1 as z) select (select 2 as n) as A, \"b c\" from y union all select 1, 2",
            "select x.* from x",
            "values (1)",
        ] {
            assert!(require(text).is_ok(), "{text}");
        }
        let error = require("-- x: y\nselect 1 as a,\n  2 as b from x").unwrap_err();
        assert_eq!((error.message(), error.hint_text()), ("x.sql:2: the select gives no b c", Some("add it")));
    }
}
