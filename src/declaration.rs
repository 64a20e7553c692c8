//! Tables of TOML that people write: every value knows its line, and an unknown key is answered with the
//! nearest one.

mod keys;

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use keys::{DeclaredKey, KeyShape, names, schema};

use crate::error::{Error, Kind, Mistakes, Result};
use crate::suggest::did_you_mean;

/// A file with tables.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its path, as messages show it.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// Parses the text.
    ///
    /// # Errors
    /// `Config` with the line; the text itself is not repeated, because it may hold a password.
    pub fn parse(self) -> Result<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text).map_err(|e| {
            let place = e.span().map_or(String::new(), |span| format!(":{}", self.line(span.start)));
            Error::new(Kind::Config, format!("{}{place} is not valid TOML", self.file)).detail(e.message().to_owned())
        })
    }

    /// The line of a byte, from 1.
    pub fn line(self, offset: usize) -> usize {
        self.text[..offset.min(self.text.len())].matches('\n').count() + 1
    }
}

/// One table, all of whose keys are known.
#[derive(Debug)]
pub struct DeclaredTable<'a> {
    document: Document<'a>,
    /// As it is written: `[source.evo]`.
    name: String,
    line: usize,
    table: &'a DeTable<'a>,
}

impl<'a> DeclaredTable<'a> {
    /// The table that begins at byte `at`, if it has no keys but the `known` ones.
    ///
    /// # Errors
    /// `Config` that names file, line and the nearest key.
    pub fn new(
        document: Document<'a>,
        (name, at): (&str, usize),
        table: &'a DeTable<'a>,
        known: &[&str],
    ) -> Result<Self> {
        let mut mistakes = Mistakes::default();
        let found = Self::listing(document, (name, at), table, known, &mut mistakes);
        mistakes.into_result(Some(found))
    }

    /// The table that begins at byte `at`; each key that is not one of the `known` ones is a mistake.
    pub fn listing(
        document: Document<'a>,
        (name, at): (&str, usize),
        table: &'a DeTable<'a>,
        known: &[&str],
        mistakes: &mut Mistakes,
    ) -> Self {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let line = document.line(key.span().start);
            let message = format!("{}:{line}: unknown key {:?} in {name}", document.file, key.get_ref());
            let error = Error::new(Kind::Config, message);
            mistakes.add(match did_you_mean(key.get_ref(), known.iter().copied()) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error.hint(format!("the keys of {name} are {}", known.join(", "))),
            });
        }
        Self { document, name: name.to_owned(), line: document.line(at), table }
    }

    /// An error about the whole table.
    pub fn fault(&self, message: &str) -> Error {
        Error::new(Kind::Config, format!("{}:{}: {} {message}", self.document.file, self.line, self.name))
    }

    /// An error about the value of a key.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        let line = self.table.iter().find(|(name, _)| name.get_ref() == key);
        let line = line.map_or(self.line, |(name, _)| self.document.line(name.span().start));
        Error::new(Kind::Config, format!("{}:{line}: {key} in {} must be {expected}", self.document.file, self.name))
    }

    /// The line of a key; the table's where it has none.
    pub fn place(&self) -> String {
        format!("{}:{}", self.document.file, self.line)
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether the table has this key.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The text of a key; `None` if the table does not have it.
    ///
    /// # Errors
    /// `Config` when the value is no text.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.value(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    /// The text of a key that must be there and not be empty.
    ///
    /// # Errors
    /// `Config` when it is missing or no text.
    pub fn required(&self, key: &str) -> Result<&'a str> {
        match self.text(key)?.filter(|text| !text.trim().is_empty()) {
            Some(text) => Ok(text),
            None if self.has(key) => Err(self.wrong(key, "a text that is not empty")),
            None => Err(self.fault(&format!("has no {key}"))),
        }
    }

    /// The whole number of a key; `None` if the table does not have it.
    ///
    /// # Errors
    /// `Config` when the value is not a whole number, or not in the range.
    pub fn whole(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, &format!("a whole number from {} to {}", range.start(), range.end()))),
        }
    }

    /// The texts of a key, one text being a list of one; `None` if the table does not have it.
    ///
    /// # Errors
    /// `Config` when the value is neither.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>> {
        let text = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        };
        let Some(value) = self.value(key) else { return Ok(None) };
        let texts = match value.get_ref() {
            DeValue::Array(values) => values.iter().map(text).collect(),
            _ => text(value).map(|text| vec![text]),
        };
        texts.map(Some).ok_or_else(|| self.wrong(key, "a text or a list of texts"))
    }

    /// The whole numbers of a key, from 100 to 599; `None` if the table does not have it.
    ///
    /// # Errors
    /// `Config` when the value is anything else.
    pub fn statuses(&self, key: &str) -> Result<Option<Vec<u16>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let status = |value: &Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|n| (100..600).contains(n)),
            _ => None,
        };
        let statuses = match value.get_ref() {
            DeValue::Array(values) => values.iter().map(status).collect(),
            _ => None,
        };
        statuses.map(Some).ok_or_else(|| self.wrong(key, "a list of HTTP statuses such as [404]"))
    }

    /// The table of a key, if it has no keys but the `known` ones; `None` if there is no such table.
    ///
    /// # Errors
    /// `Config` when the value is no table, or has other keys.
    pub fn table(&self, key: &str, known: &[&str]) -> Result<Option<DeclaredTable<'a>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => DeclaredTable::new(
                self.document,
                (&format!("{key} of {}", self.name), value.span().start),
                table,
                known,
            )
            .map(Some),
            _ => Err(self.wrong(key, "a table")),
        }
    }

    /// The texts of the table of a key, with any names; empty if there is no such table.
    ///
    /// # Errors
    /// `Config` when the value is no table, or a value in it is no text.
    pub fn pairs(&self, key: &str) -> Result<Vec<(String, String)>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let DeValue::Table(table) = value.get_ref() else { return Err(self.wrong(key, "a table of texts")) };
        let pair = |(name, value): (&Spanned<std::borrow::Cow<'a, str>>, &Spanned<DeValue<'a>>)| match value.get_ref() {
            DeValue::String(text) => Some((name.get_ref().to_string(), text.to_string())),
            _ => None,
        };
        table.iter().map(pair).collect::<Option<_>>().ok_or_else(|| self.wrong(key, "a table of texts"))
    }
}
