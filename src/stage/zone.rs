//! Local times of documents as instants, by the server's own time zone data.

use std::ops::Range;

use chrono::Datelike;

use super::time::{self, Event};

/// Two days: more than any zone differs from UTC, in either direction.
const MARGIN: i64 = 2 * 86_400_000_000;

/// The offsets of a time zone over some decades. Times are microseconds since 2000-01-01.
#[derive(Debug, Clone)]
pub struct ZoneOffsets {
    steps: Vec<ZoneStep>,
    until: i64,
}

/// An offset, and the local time from which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneStep {
    /// The local time.
    pub from: i64,
    /// Microseconds to add to a local time to get UTC.
    pub offset: i64,
}

impl ZoneOffsets {
    /// Offsets in the order of their times. The last one holds before the local time `until`.
    pub fn new(steps: Vec<ZoneStep>, until: i64) -> Self {
        Self { steps, until }
    }

    /// The instant of an event in UTC; `None` for a local time whose offset is not known.
    pub fn instant(&self, event: Event) -> Option<i64> {
        match event.is_utc {
            true => Some(event.micros),
            false => Some(event.micros + self.offset(event.micros)?),
        }
    }

    /// The calendar year of an event in the zone; of an event in UTC it is a good guess within a day of a new
    /// year. `None` where the offset is not known.
    pub fn year(&self, event: Event) -> Option<i32> {
        let offset = self.offset(event.micros)?;
        let local = if event.is_utc { event.micros - offset } else { event.micros };
        Some(time::instant(local).year())
    }

    /// The instants that have a known offset however a document writes them.
    pub fn span(&self) -> Range<i64> {
        let from = self.steps.first().map_or(self.until, |step| step.from);
        from + MARGIN..self.until - MARGIN
    }

    fn offset(&self, local: i64) -> Option<i64> {
        if local >= self.until {
            return None;
        }
        let behind = self.steps.partition_point(|step| step.from <= local);
        self.steps.get(behind.checked_sub(1)?).map(|step| step.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::time::parse;

    const HOUR: i64 = 3_600_000_000;

    /// Three hours behind UTC; from 2018-11-04 00:00 an hour less; until 2020.
    fn zone() -> ZoneOffsets {
        let at = |text| parse(text).unwrap().micros;
        let steps = vec![
            ZoneStep { from: at("2000-01-01"), offset: 3 * HOUR },
            ZoneStep { from: at("2018-11-04"), offset: 2 * HOUR },
        ];
        ZoneOffsets::new(steps, at("2020-01-01"))
    }

    #[test]
    fn a_local_time_is_an_instant_by_the_offset_of_its_day_and_a_time_in_utc_by_itself() {
        for (text, utc) in [
            ("2018-11-03T23:59:59.999999", Some("2018-11-04T02:59:59.999999")),
            ("2018-11-04T00:00:00", Some("2018-11-04T02:00:00")),
            ("2018-11-04T00:00:00Z", Some("2018-11-04T00:00:00")),
            ("2019-12-31T23:59:59", Some("2020-01-01T01:59:59")),
            ("2020-01-01T00:00:00", None),
            ("1999-12-31T23:59:59", None),
            ("1201-01-01T00:00:00Z", Some("1201-01-01T00:00:00")),
        ] {
            let instant = zone().instant(parse(text).unwrap());
            assert_eq!(instant, utc.map(|utc| parse(utc).unwrap().micros), "{text}");
        }
    }

    #[test]
    fn a_year_is_that_of_the_zone() {
        for (text, year) in [
            ("2017-12-31T23:00:00", Some(2017)),
            ("2018-01-01T02:00:00Z", Some(2017)),
            ("2018-01-01T04:00:00Z", Some(2018)),
            ("2021-01-01T04:00:00Z", None),
        ] {
            assert_eq!(zone().year(parse(text).unwrap()), year, "{text}");
        }
    }
}
