//! Rows of CSV as JSON objects: RFC 4180, with a header, and with the delimiter and quote that the entity
//! declares.
//!
//! Every value becomes a string as it is, an empty field without quotes becomes null, and the key's column
//! becomes a number where it is a plain integer. Names and their order are those of the header, without
//! blanks between them, so the same row always becomes the same text.
//!
//! `csv-core` finds the ends of fields and rows. It accepts any text, so violations of RFC 4180 are found
//! here: a row with text after a closing quote, or with another number of fields, is rejected; a quote that
//! is never closed breaks the object.

use std::collections::BTreeSet;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::memchr;

use super::records::{Line, RawRecord, RecordReader, Split, Splitter};
use super::room::{Buffer, Reservation};
use crate::entity::Input;
use crate::error::{Error, Kind, Result};

const MAX_COLUMNS: usize = 10_000;

/// Reads the rows of one object.
pub(super) struct Csv {
    rows: Rows,
    dialect: Dialect,
    document: Buffer,
    number: i64,
}

/// How a row is written, and which columns it has.
struct Dialect {
    delimiter: u8,
    quote: u8,
    columns: Vec<Column>,
}

struct Column {
    /// The text before its value: `{"name":` or `,"name":`.
    prefix: Vec<u8>,
    is_integer: bool,
}

impl Csv {
    /// Reads the header. An object without content has none, and no rows.
    ///
    /// # Errors
    /// `SourceCorrupt` when the header cannot name the fields of documents; those of the window.
    pub(super) fn open(records: &mut RecordReader, input: &Input) -> Result<Self> {
        let dialect = Dialect { delimiter: input.delimiter, quote: input.quote, columns: Vec::new() };
        let mut csv = Self { rows: Rows::new(&dialect), dialect, document: Buffer::default(), number: 0 };
        if let Some(header) = csv.rows.next(records)? {
            csv.check_whole(records, &header)?;
            csv.dialect.columns = csv.columns(records.bytes(&header), input)?;
            csv.rows.wanted = csv.dialect.columns.len();
        }
        Ok(csv)
    }

    /// The next row.
    ///
    /// # Errors
    /// `SourceCorrupt` when the object ends within a quoted field, or a row is longer than allowed; those of
    /// the window.
    pub(super) fn next<'a>(&'a mut self, records: &'a mut RecordReader) -> Result<Option<Line<'a>>> {
        self.document.clear();
        let Some(record) = self.rows.next(records)? else { return Ok(None) };
        self.number += 1;
        self.check_whole(records, &record)?;
        let (raw, reservation) = records.bytes_and_reservation(&record);
        let refused = self.dialect.write(&self.rows, raw, &mut self.document, reservation).err();
        Ok(Some(Line {
            number: self.number,
            offset: record.offset.cast_signed(),
            bytes: self.document.bytes(),
            raw: records.bytes(&record),
            refused,
        }))
    }

    /// Refuses a row with a quote that is not closed. The row then runs on to the next quote, and if that is
    /// thousands of bytes later, nobody knows how many rows it has swallowed.
    fn check_whole(&self, records: &RecordReader, record: &RawRecord) -> Result<()> {
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
                return broken(format!("name {} of the header has text after its closing quote", i + 1));
            }
            match String::from_utf8(name) {
                Ok(name) if !name.is_empty() => names.push(name),
                Ok(_) => return broken(format!("name {} of the header is empty", i + 1)),
                Err(_) => return broken(format!("name {} of the header is not valid UTF-8", i + 1)),
            }
        }
        // Named by position: if there is no header, the names are values of the first row.
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().position(|name| !seen.insert(name.as_str())) {
            let first = names.iter().position(|name| *name == names[twice]).unwrap_or_default();
            return broken(format!("names {} and {} of the header are the same", first + 1, twice + 1));
        }
        if let Some(missing) = input.needed_columns.iter().find(|name| !seen.contains(name.as_str())) {
            let delimiter = char::from(input.delimiter);
            return broken(format!(
                "the header has no column {missing:?}, which the key needs; {} names were read with the \
                 delimiter {delimiter:?}",
                names.len()
            ));
        }
        Ok(names.iter().enumerate().map(|(i, name)| Column::new(i, name, input)).collect())
    }

    /// The document of a row that replaces one that was read.
    ///
    /// # Errors
    /// The reason why it is not a row, for a person.
    pub(super) fn corrected(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let raw = text.trim_ascii_end();
        let mut rows = Rows { wanted: self.dialect.columns.len(), ..Rows::new(&self.dialect) };
        if rows.step(raw).end.is_some() {
            return Err("the correction is more than one row".to_owned());
        }
        rows.finish();
        let (mut document, mut reservation) = (Buffer::default(), Reservation::of_process());
        self.dialect.write(&rows, raw, &mut document, &mut reservation)?;
        Ok(document.bytes().to_vec())
    }
}

impl Dialect {
    /// Writes the row's document, or returns why it has none.
    fn write(
        &self,
        rows: &Rows,
        raw: &[u8],
        document: &mut Buffer,
        reservation: &mut Reservation,
    ) -> Result<(), String> {
        if rows.fields != self.columns.len() {
            return Err(format!("the row has {} fields, the header {}", rows.fields, self.columns.len()));
        }
        if simdutf8::basic::from_utf8(raw).is_err()
            && let Err(e) = simdutf8::compat::from_utf8(raw)
        {
            return Err(format!("not valid UTF-8 at byte {} of the row", e.valid_up_to() + 1));
        }
        for (i, (column, field)) in self.columns.iter().zip(rows.of(raw)).enumerate() {
            document.push(&column.prefix, reservation);
            if field.is_empty() {
                document.push(b"null", reservation);
                continue;
            }
            if let Some(integer) = integer(field, self.quote).filter(|_| column.is_integer) {
                document.push(integer, reservation);
                continue;
            }
            document.push(b"\"", reservation);
            if unquote(field, self.quote, |part| escape(part, |bytes| document.push(bytes, reservation))).is_err() {
                return Err(format!("field {} has text after its closing quote", i + 1));
            }
            document.push(b"\"", reservation);
        }
        document.push(b"}", reservation);
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
    /// Output of `csv-core` that nobody reads: fields are unquoted from the row itself.
    scratch: [u8; 1024],
    /// Ends of the first `wanted` fields in the row.
    ends: Vec<usize>,
    fields: usize,
    length: usize,
    /// Where the last field begins, however many there are, and the one after it.
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
    fn next(&mut self, records: &mut RecordReader) -> Result<Option<RawRecord>> {
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

    /// Takes the last field of the object, which csv-core still holds back at the end of its input.
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

    /// The fields of a row as they are written.
    fn of<'a>(&self, raw: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let mut start = 0;
        self.ends.iter().map(move |end| &raw[std::mem::replace(&mut start, end + 1)..*end])
    }
}

impl Splitter for Rows {
    fn step(&mut self, bytes: &[u8]) -> Split {
        let mut at = 0;
        while at < bytes.len() {
            let (result, read, _) = self.reader.read_field(&bytes[at..], &mut self.scratch);
            at += read;
            if let ReadFieldResult::Field { record_end } = result {
                self.field(self.length + at - 1);
                if record_end {
                    self.length += at - 1;
                    return Split { content: at - 1, end: Some(1) };
                }
            }
        }
        self.length += at;
        Split { content: at, end: None }
    }
}

/// The part of a quoted field after its opening quote.
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

/// Passes on the parts of a field's value. `Err` if there is something after the closing quote.
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

/// Writes text as the content of a JSON string.
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

/// The field's value if it is an integer as JSON writes it and fits a bigint: `42`, `"-7"`, but neither `+1`
/// nor `007`.
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
