//! Local times that the server parses once.
//!
//! A text is a time in the usual spelling if the time that the server makes of it, written out, is the text
//! again. An expression of the select list would have to make that time twice. So the record is wrapped in a
//! select that makes the times of all its texts.

use super::binding::Draft;
use crate::entity::{JsonRecord, LocalTime, Select};
use crate::sql::ident;

/// With fewer times in a record the wrap costs more than it saves.
const WORTH_IT: usize = 2;
/// Names of the times in a wrapped record begin so.
const NAME: &str = "evo_clock_";

/// The records that are wrapped, and their times.
#[derive(Debug)]
pub(super) struct Clocks<'a>(Vec<(&'a JsonRecord, Vec<&'a str>)>);

impl<'a> Clocks<'a> {
    /// Those of a select, if the session's zone may read its times.
    pub(super) fn of(select: &'a Select) -> Self {
        let records = select.records().iter().filter(|record| can_be_wrapped(select, record));
        let times = records.map(|record| (record, times(select, record)));
        Self(times.filter(|(_, times)| select.is_free_of_zones() && times.len() >= WORTH_IT).collect())
    }

    /// Wraps the records whose calls stay as they are.
    pub(super) fn open(&self, draft: &mut Draft<'_>) {
        self.0.iter().for_each(|(record, _)| draft.insert(record.call.start, self.before(record)));
    }

    /// Ends the wraps. The offset keeps the server from making a time again at each place of its use.
    pub(super) fn close(&self, draft: &mut Draft<'_>) {
        for (record, _) in &self.0 {
            draft.insert(record.end, format!(" offset 0) {}", ident(&record.alias)));
        }
    }

    /// The text in front of the call of a record; empty if it is not wrapped.
    pub(super) fn before(&self, record: &JsonRecord) -> String {
        let Some((_, times)) = self.0.iter().find(|(wrapped, _)| wrapped.call == record.call) else {
            return String::new();
        };
        let alias = ident(&record.alias);
        let time = |(i, name): (usize, &&str)| format!(", nullif({alias}.{}, '')::timestamp as {NAME}{i}", ident(name));
        format!("(select {alias}.*{} from ", times.iter().enumerate().map(time).collect::<String>())
    }

    /// The time of a column's text, if its record is wrapped.
    pub(super) fn clock(&self, time: &LocalTime) -> Option<String> {
        let (alias, name) = time.field.as_ref()?;
        let (_, times) = self.0.iter().find(|(record, _)| record.alias == *alias)?;
        let i = times.iter().position(|time| time == name)?;
        Some(format!("{}.{NAME}{i}", ident(alias)))
    }
}

/// Whether a select can stand in the place of the record's call.
fn can_be_wrapped(select: &Select, record: &JsonRecord) -> bool {
    let before = select.whole()[..record.call.start].trim_end();
    let is_lateral = before.len() >= 7 && before.is_char_boundary(before.len() - 7);
    is_lateral
        && before[before.len() - 7..].eq_ignore_ascii_case("lateral")
        && !record.is_read_whole
        && !record.columns.iter().any(|column| column.name.starts_with(NAME))
}

/// The texts of a record that columns read as local times.
fn times<'a>(select: &'a Select, record: &'a JsonRecord) -> Vec<&'a str> {
    let fields = select.columns().iter().filter_map(|column| column.local_time.as_ref()?.field.as_ref());
    let of_record: Vec<&str> = fields.filter(|(alias, _)| *alias == record.alias).map(|(_, name)| &**name).collect();
    let is_read = |name: &&str| of_record.contains(name);
    let texts = record.columns.iter().filter(|column| select.slice(&column.kind).eq_ignore_ascii_case("text"));
    texts.map(|column| &*column.name).filter(is_read).collect()
}
