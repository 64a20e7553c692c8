//! Rows of CSV as JSON objects: RFC 4180, with a header, and a delimiter and a quote of the entity's choice.
//!
//! Every value becomes a string as it stands there, an empty field without quotes becomes null, and the key's column
//! becomes a number where it is a plain integer. Names and order are those of the header, without blanks in between, so
//! that the same row always becomes the same text.
//!
//! `csv-core` says where fields and rows end. It takes any text, so what RFC 4180 does not allow is found here: a row
//! with text behind a closing quote, or with another number of fields, is refused; a quote that is never closed breaks
//! the object.

use std::collections::BTreeSet;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::memchr;

use super::lines::Line;
use super::records::{Record, Records, Splitter, Step};
use super::room::{Buffer, Share};
use crate::entity::Input;
use crate::error::{Error, Kind, Result};

const MAX_COLUMNS: usize = 10_000;

/// The rows of an object.
pub(super) struct Csv {
    rows: Rows,
    dialect: Dialect,
    document: Buffer,
    number: i64,
}

/// What a row means.
struct Dialect {
    delimiter: u8,
    quote: u8,
    columns: Vec<Column>,
}

struct Column {
    /// What stands in front of its value: `{"name":` or `,"name":`.
    prefix: Vec<u8>,
    is_integer: bool,
}

impl Csv {
    /// Reads the header. An object without any content has none, and no rows.
    ///
    /// # Errors
    /// `SourceCorrupt` when there can be no documents under that header; of the window.
    pub(super) fn open(records: &mut Records, input: &Input) -> Result<Self> {
        let dialect = Dialect { delimiter: input.delimiter, quote: input.quote, columns: Vec::new() };
        let mut csv = Self { rows: Rows::new(&dialect), dialect, document: Buffer::default(), number: 0 };
        if let Some(header) = csv.rows.next(records)? {
            csv.whole(records, &header)?;
            csv.dialect.columns = csv.columns(records.bytes(&header), input)?;
            csv.rows.wanted = csv.dialect.columns.len();
        }
        Ok(csv)
    }

    /// The next row.
    ///
    /// # Errors
    /// `SourceCorrupt` when the object ends within a quoted field, or a row is longer than allowed; of the window.
    pub(super) fn next<'a>(&'a mut self, records: &'a mut Records) -> Result<Option<Line<'a>>> {
        self.document.clear();
        let Some(record) = self.rows.next(records)? else { return Ok(None) };
        self.number += 1;
        self.whole(records, &record)?;
        let (raw, share) = records.bytes_and_share(&record);
        let refused = self.dialect.write(&self.rows, raw, &mut self.document, share).err();
        Ok(Some(Line {
            number: self.number,
            offset: record.offset.cast_signed(),
            bytes: self.document.bytes(),
            raw: records.bytes(&record),
            refused,
        }))
    }

    /// Whoever forgets a quote gets a row that goes on to the next one: where that is nowhere near, nobody knows how many
    /// rows it has swallowed.
    fn whole(&self, records: &Records, record: &Record) -> Result<()> {
        let row = || match self.dialect.columns.is_empty() {
            true => "the header".to_owned(),
            false => format!("row {} at byte {}", self.number, record.offset),
        };
        if record.is_cut {
            let message = format!("{} is longer than load.max_line_bytes; is a quote not closed?", row());
            return Err(Error::new(Kind::SourceCorrupt, message));
        }
        let raw = records.bytes(record);
        let last_field = &raw[self.rows.last_start..];
        let is_open = !record.ended && is_open(last_field, self.dialect.quote);
        match is_open {
            true => Err(Error::new(Kind::SourceCorrupt, format!("the object ends within a quoted field of {}", row()))),
            false => Ok(()),
        }
    }

    fn columns(&self, header: &[u8], input: &Input) -> Result<Vec<Column>> {
        let broken = |message: String| Err(Error::new(Kind::SourceCorrupt, message));
        if self.rows.fields > MAX_COLUMNS {
            return broken(format!("the header has {} names, more than {MAX_COLUMNS}", self.rows.fields));
        }
        let mut names: Vec<String> = Vec::with_capacity(self.rows.fields);
        for (i, field) in self.rows.of(header).enumerate() {
            let mut name = Vec::new();
            if unquote(field, self.dialect.quote, |part| name.extend_from_slice(part)).is_err() {
                return broken(format!("name {} of the header has text behind its closing quote", i + 1));
            }
            match String::from_utf8(name) {
                Ok(name) if !name.is_empty() => names.push(name),
                Ok(_) => return broken(format!("name {} of the header is empty", i + 1)),
                Err(_) => return broken(format!("name {} of the header is not valid UTF-8", i + 1)),
            }
        }
        // By its place: where there is no header, the names are values of the first row.
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().position(|name| !seen.insert(name.as_str())) {
            let first = names.iter().position(|name| *name == names[twice]).unwrap_or_default();
            return broken(format!("names {} and {} of the header are the same", first + 1, twice + 1));
        }
        if let Some(missing) = input.needed_columns.iter().find(|name| !seen.contains(name.as_str())) {
            let delimiter = char::from(input.delimiter);
            return broken(format!(
                "the header has no column {missing:?}, which the key needs; {} names were read with the delimiter {delimiter:?}",
                names.len()
            ));
        }
        Ok(names.iter().enumerate().map(|(i, name)| Column::new(i, name, input)).collect())
    }

    /// The document of a row that stands in the place of one that was read.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn corrected(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let raw = text.trim_ascii_end();
        let mut rows = Rows { wanted: self.dialect.columns.len(), ..Rows::new(&self.dialect) };
        if rows.step(raw).end.is_some() {
            return Err("the correction is more than one row".to_owned());
        }
        rows.finish();
        let (mut document, mut share) = (Buffer::default(), Share::of_process());
        self.dialect.write(&rows, raw, &mut document, &mut share)?;
        Ok(document.bytes().to_vec())
    }
}

impl Dialect {
    /// Writes the row's document, or says why it has none.
    fn write(&self, rows: &Rows, raw: &[u8], document: &mut Buffer, share: &mut Share) -> Result<(), String> {
        if rows.fields != self.columns.len() {
            return Err(format!("the row has {} fields, the header {}", rows.fields, self.columns.len()));
        }
        if simdutf8::basic::from_utf8(raw).is_err()
            && let Err(e) = simdutf8::compat::from_utf8(raw)
        {
            return Err(format!("not valid UTF-8 at byte {} of the row", e.valid_up_to() + 1));
        }
        for (i, (column, field)) in self.columns.iter().zip(rows.of(raw)).enumerate() {
            document.push(&column.prefix, share);
            if field.is_empty() {
                document.push(b"null", share);
                continue;
            }
            if let Some(integer) = integer(field, self.quote).filter(|_| column.is_integer) {
                document.push(integer, share);
                continue;
            }
            document.push(b"\"", share);
            if unquote(field, self.quote, |part| escape(part, |bytes| document.push(bytes, share))).is_err() {
                return Err(format!("field {} has text behind its closing quote", i + 1));
            }
            document.push(b"\"", share);
        }
        document.push(b"}", share);
        Ok(())
    }
}

impl Column {
    fn new(i: usize, name: &str, input: &Input) -> Self {
        let mut prefix = if i == 0 { b"{\"".to_vec() } else { b",\"".to_vec() };
        escape(name.as_bytes(), |bytes| prefix.extend_from_slice(bytes));
        prefix.extend_from_slice(b"\":");
        Self { prefix, is_integer: input.integer_column.as_deref() == Some(name) }
    }
}

/// Finds the end of a row, and of the fields in it.
struct Rows {
    reader: Reader,
    /// What `csv-core` unescapes and nobody reads: fields are unquoted from the row itself.
    scratch: [u8; 1024],
    /// Where the first so many fields end in the row.
    ends: Vec<usize>,
    fields: usize,
    length: usize,
    /// Where the last field begins, however many there are, and the one behind it.
    last_start: usize,
    next_start: usize,
    wanted: usize,
}

impl Rows {
    fn new(dialect: &Dialect) -> Self {
        let reader = ReaderBuilder::new().delimiter(dialect.delimiter).quote(dialect.quote).build();
        let (ends, wanted) = (Vec::new(), MAX_COLUMNS);
        Self { reader, scratch: [0; 1024], ends, fields: 0, length: 0, last_start: 0, next_start: 0, wanted }
    }

    /// The next row that is not an empty line.
    fn next(&mut self, records: &mut Records) -> Result<Option<Record>> {
        while records.window.fill()? {
            let bytes = records.window.bytes();
            let feeds = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let is_row = feeds < bytes.len();
            records.window.consume(feeds);
            if is_row {
                break;
            }
        }
        self.ends.clear();
        (self.fields, self.length, self.last_start, self.next_start) = (0, 0, 0, 0);
        let record = records.next(self)?;
        if record.as_ref().is_some_and(|record| !record.ended) {
            self.finish();
        }
        Ok(record)
    }

    /// What csv-core still holds back at the end of its input is the row's last field.
    fn finish(&mut self) {
        while let (ReadFieldResult::OutputFull, ..) = self.reader.read_field(&[], &mut self.scratch) {}
        self.field(self.length);
    }

    fn field(&mut self, end: usize) {
        if self.fields < self.wanted {
            self.ends.push(end);
        }
        self.fields += 1;
        self.last_start = std::mem::replace(&mut self.next_start, end + 1);
    }

    /// The fields of a row as they stand there.
    fn of<'a>(&self, raw: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let mut start = 0;
        self.ends.iter().map(move |end| &raw[std::mem::replace(&mut start, end + 1)..*end])
    }
}

impl Splitter for Rows {
    fn step(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        while at < bytes.len() {
            let (result, read, _) = self.reader.read_field(&bytes[at..], &mut self.scratch);
            at += read;
            if let ReadFieldResult::Field { record_end } = result {
                self.field(self.length + at - 1);
                if record_end {
                    self.length += at - 1;
                    return Step { content: at - 1, end: Some(1) };
                }
            }
        }
        self.length += at;
        Step { content: at, end: None }
    }
}

/// What is behind the opening quote of a quoted field.
fn quoted(field: &[u8], quote: u8) -> Option<&[u8]> {
    field.split_first().filter(|(first, _)| **first == quote).map(|(_, inner)| inner)
}

/// Whether a field begins with a quote that is never closed.
fn is_open(field: &[u8], quote: u8) -> bool {
    quoted(field, quote).is_some_and(|inner| closing_quote(inner, quote).is_none())
}

fn closing_quote(inner: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr(quote, &inner[at..])?;
        match inner.get(at + 1) {
            Some(next) if *next == quote => at += 2,
            _ => return Some(at),
        }
    }
}

/// Hands on the parts of a field's value. `Err` when there is something behind the closing quote.
fn unquote(field: &[u8], quote: u8, mut part: impl FnMut(&[u8])) -> Result<(), ()> {
    let Some(inner) = quoted(field, quote) else {
        part(field);
        return Ok(());
    };
    let close = closing_quote(inner, quote).ok_or(())?;
    if close + 1 != inner.len() {
        return Err(());
    }
    let mut rest = &inner[..close];
    while let Some(at) = memchr(quote, rest) {
        part(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    part(rest);
    Ok(())
}

/// Writes text as the inside of a JSON string.
fn escape(text: &[u8], mut write: impl FnMut(&[u8])) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| matches!(b, 0..=0x1f | b'"' | b'\\')) {
        write(&rest[..at]);
        match rest[at] {
            b'"' => write(b"\\\""),
            b'\\' => write(b"\\\\"),
            b'\n' => write(b"\\n"),
            b'\r' => write(b"\\r"),
            b'\t' => write(b"\\t"),
            control => write(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    write(rest);
}

/// The field's value if it is an integer as JSON writes it and fits a bigint: `42`, `"-7"`, but neither `+1` nor `007`.
fn integer(field: &[u8], quote: u8) -> Option<&[u8]> {
    let value = match quoted(field, quote) {
        Some(inner) => inner.strip_suffix(&[quote])?,
        None => field,
    };
    let is_canonical = match value.strip_prefix(b"-").unwrap_or(value) {
        [b'0'] => value.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (is_canonical && std::str::from_utf8(value).ok()?.parse::<i64>().is_ok()).then_some(value)
}

#[cfg(test)]
mod tests;
