//! The header of an SQL file: the comment lines that it begins with, `-- label: value`.

use crate::error::{Error, Kind, Result};

/// The lines of a header. Lines without a label are no part of it.
#[derive(Debug)]
pub struct Header<'a> {
    file: &'a str,
    lines: Vec<HeaderLine<'a>>,
}

/// A line of a header with a label.
#[derive(Debug, Clone, Copy)]
pub struct HeaderLine<'a> {
    file: &'a str,
    number: usize,
    label: &'a str,
    /// The text after the colon, without blanks around it.
    pub value: &'a str,
}

impl<'a> Header<'a> {
    /// Reads the header of `text`, the content of `file`.
    pub fn read(file: &'a str, text: &'a str) -> Self {
        let comments = text.lines().take_while(|line| line.starts_with("--")).enumerate();
        let lines = comments.filter_map(|(i, line)| {
            let (label, value) = line.trim_start_matches('-').split_once(':')?;
            Some(HeaderLine { file, number: i + 1, label: label.trim(), value: value.trim() })
        });
        Self { file, lines: lines.collect() }
    }

    /// All lines with this label, in order.
    pub fn all(&self, label: &str) -> impl Iterator<Item = HeaderLine<'a>> {
        self.lines.iter().filter(move |line| line.label == label).copied()
    }

    /// The value of the first line with this label.
    pub fn get(&self, label: &str) -> Option<&'a str> {
        self.all(label).next().map(|line| line.value)
    }

    /// The first line with this label. `hint` says what a header has to have.
    ///
    /// # Errors
    /// `Config`, naming the file, if there is none.
    pub fn require(&self, label: &str, hint: &str) -> Result<HeaderLine<'a>> {
        self.all(label).next().ok_or_else(|| {
            let message = format!("{}:1: the header has no line \"-- {label}: …\"", self.file);
            Error::new(Kind::Config, message).hint(hint)
        })
    }
}

impl HeaderLine<'_> {
    /// The values between the commas of the line, without blanks around them.
    pub fn list(&self) -> Vec<String> {
        self.value.split(',').map(|value| value.trim().to_owned()).collect()
    }

    /// File and line: `own/models/visits/visits.sql:4`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.number)
    }

    /// An error about this line, `Config` with file and line.
    pub fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::new(Kind::Config, format!("{}: {}: {message}", self.place(), self.label))
    }
}
