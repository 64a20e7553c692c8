//! A select with other expressions in its columns, read again.

use super::column::Column;
use super::dates::with_formats;
use super::edits::Edits;
use super::guards;
use super::limits::Limit;
use super::select::{Select, read};
use crate::entity::dates::DateFormat;
use crate::entity::scan::Tokens;
use crate::error::{Error, Kind, Result};
use crate::sql::ident;

/// The column that says since when a row is missing from its source: null while it is there.
const DELETED_AT: &str = "_deleted_at";

impl Select {
    /// The same model with a guard at every place of the document that its select list reads (`guards.rs`).
    ///
    /// # Errors
    /// `Config`, with file and line, if a column cannot be guarded: no model runs without its guards.
    pub fn guarded(self) -> Result<Self> {
        let tokens = Tokens::new(self.whole()).map_err(|fault| fault.in_file(&self.file, self.whole()))?;
        let expressions: Vec<String> = self
            .columns()
            .iter()
            .map(|column| guards::guarded(&self, &tokens, tokens.range(&column.expression.span)))
            .collect();
        self.with_expressions(&expressions)
    }

    /// The same model with casts that also read dates in these formats.
    ///
    /// # Errors
    /// `Config`, with the file, when the model cannot be read in that form.
    pub fn with_dates(self, formats: &[DateFormat]) -> Result<Self> {
        if formats.is_empty() {
            return Ok(self);
        }
        let text = with_formats(self.whole(), formats).map_err(|fault| fault.in_file(&self.file, self.whole()))?;
        read(&self.file, &text, &self.key).map_err(|fault| fault.in_file(&self.file, &text))
    }

    /// The same model with one more column: since when the document is missing from its source.
    ///
    /// # Errors
    /// `Config`, with the file, when the model has such a column itself.
    pub fn with_deleted_at(self) -> Result<Self> {
        if self.columns().iter().any(|column| column.name == DELETED_AT) {
            let message = format!("{}: the model has a column {DELETED_AT}, which evo fills", self.file);
            return Err(Error::new(Kind::Config, message).hint("give the column another name, or remove it"));
        }
        let Some(end) = self.columns().last().map(|column| column.end) else { return Ok(self) };
        let mut text = self.whole().to_owned();
        text.insert_str(end, &format!(", {0}.{1} as {1}", ident(self.source()), ident(DELETED_AT)));
        read(&self.file, &text, &self.key).map_err(|fault| fault.in_file(&self.file, &text))
    }

    /// The same model with values within these limits, by column; a column may have several.
    ///
    /// # Errors
    /// `Config`, with file and line, if a column cannot be limited.
    pub fn limited(&self, limits: &[(String, Limit)]) -> Result<Self> {
        let mut select = self.clone();
        // An index last: its limit is what the column's expression must be recognized by.
        for is_index in [false, true] {
            let limit = |column: &Column| {
                let of_column = |(name, limit): &&(String, Limit)| {
                    *name == column.name && matches!(limit, Limit::Bytes(_)) == is_index
                };
                limits.iter().find(of_column).map(|(_, limit)| *limit)
            };
            let expression = |column: &Column| {
                let expression = select.slice(&column.expression.span);
                let limited = limit(column).and_then(|limit| limit.apply(column, expression));
                limited.unwrap_or_else(|| expression.to_owned())
            };
            let expressions: Vec<String> = select.columns().iter().map(expression).collect();
            select = select.with_expressions(&expressions)?;
        }
        Ok(select)
    }

    /// The same model with other expressions, one for each column.
    fn with_expressions(&self, expressions: &[String]) -> Result<Self> {
        let mut edits = Edits::default();
        for (column, new) in self.columns().iter().zip(expressions) {
            let span = column.expression.span.clone();
            if new != self.slice(&span) {
                // The reference `d.name` was also the column's name; a new expression has none.
                let is_unnamed = column.end == span.end;
                let name = if is_unnamed { format!(" as {}", ident(&column.name)) } else { String::new() };
                edits.replace(span, format!("{new}{name}"));
            }
        }
        let text = edits.apply(self.whole(), 0..self.whole().len());
        read(&self.file, &text, &self.key).map_err(|fault| {
            let message = format!("{}: the model cannot be read with the checks that evo adds", self.file);
            let cause = fault.in_file(&self.file, &text);
            Error::new(Kind::Config, message)
                .detail(cause.message().to_owned())
                .hint("write that column in a simpler way: one field of the document in each place")
        })
    }
}
