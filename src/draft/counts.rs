//! What the values of a field are: counted one by one, decided at the end.

use serde::{Deserialize, Serialize};

use super::scalars::{DATE_FORMATS, Fits, fits_of_text};

/// A type of the language of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// `evo.as_bigint`
    Integer,
    /// `evo.as_decimal`
    Decimal,
    /// `evo.as_bool`
    Bool,
    /// `evo.as_date`
    Date,
    /// `evo.as_timestamptz`
    Time,
    /// The text as it is.
    Text,
}

/// Counts of the plain values of a field.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ValueCounts {
    /// Values that are neither null nor the empty text.
    pub values: u64,
    /// Empty texts.
    pub empty: u64,
    /// JSON truth values.
    pub bools: u64,
    /// JSON numbers.
    pub numbers: u64,
    /// Values that are integers without leading zeros.
    pub integers: u64,
    /// Values that a decimal with two digits behind the point holds exactly.
    pub decimals: u64,
    /// Numbers of any size and precision.
    pub plain_numbers: u64,
    /// Numbers whose leading zeros mean something: codes.
    pub codes: u64,
    /// Words for true and false; `0` and `1` are not among them.
    pub truths: u64,
    /// Days in ISO 8601.
    pub days: u64,
    /// Times in ISO 8601 without an offset.
    pub local_times: u64,
    /// Times with an offset.
    pub instants: u64,
    /// Times without an offset at midnight.
    pub midnights: u64,
    /// Uuids with hyphens.
    pub uuids: u64,
    /// Texts that are JSON arrays of plain values.
    pub lists: u64,
    /// Elements of these arrays.
    pub list_elements: u64,
    /// Texts in each of the date formats that are tried.
    pub in_format: [u64; DATE_FORMATS.len()],
    /// Bytes of the longest text.
    pub longest: usize,
}

impl ValueCounts {
    /// Counts a text.
    pub(super) fn add_text(&mut self, text: &str) {
        if text.is_empty() {
            self.empty += 1;
            return;
        }
        self.values += 1;
        self.longest = self.longest.max(text.len());
        self.add_fits(&fits_of_text(text));
    }

    fn add_fits(&mut self, fits: &Fits) {
        let one = u64::from;
        self.integers += one(fits.integer);
        self.decimals += one(fits.decimal);
        self.plain_numbers += one(fits.number);
        self.codes += one(fits.code);
        self.truths += one(fits.truth);
        self.days += one(fits.day);
        self.local_times += one(fits.local_time);
        self.instants += one(fits.instant);
        self.midnights += one(fits.midnight);
        self.uuids += one(fits.uuid);
        self.lists += one(fits.list.is_some());
        self.list_elements += fits.list.unwrap_or(0);
        for (count, format) in self.in_format.iter_mut().zip(fits.formats) {
            *count += one(format);
        }
    }

    /// Counts a JSON number.
    pub(super) fn add_number(&mut self, is_integer: bool, is_decimal: bool) {
        self.values += 1;
        self.numbers += 1;
        self.plain_numbers += 1;
        self.integers += u64::from(is_integer);
        self.decimals += u64::from(is_decimal);
    }

    /// Counts a JSON truth value.
    pub(super) fn add_bool(&mut self) {
        self.values += 1;
        self.bools += 1;
        self.truths += 1;
    }

    /// Adds the counts of other values of the same field.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self { values, empty, bools, numbers, integers, decimals, plain_numbers, codes, truths, .. } = other;
        for (own, others) in [
            (&mut self.values, values),
            (&mut self.empty, empty),
            (&mut self.bools, bools),
            (&mut self.numbers, numbers),
            (&mut self.integers, integers),
            (&mut self.decimals, decimals),
            (&mut self.plain_numbers, plain_numbers),
            (&mut self.codes, codes),
            (&mut self.truths, truths),
            (&mut self.days, &other.days),
            (&mut self.local_times, &other.local_times),
            (&mut self.instants, &other.instants),
            (&mut self.midnights, &other.midnights),
            (&mut self.uuids, &other.uuids),
            (&mut self.lists, &other.lists),
            (&mut self.list_elements, &other.list_elements),
        ] {
            *own += others;
        }
        for (own, others) in self.in_format.iter_mut().zip(other.in_format) {
            *own += others;
        }
        self.longest = self.longest.max(other.longest);
    }

    /// The format in which every value is written that is no ISO 8601, and another one that reads them all,
    /// too.
    pub fn format(&self) -> Option<(&'static str, Option<&'static str>)> {
        let iso = self.days + self.local_times + self.instants;
        let counts = DATE_FORMATS.into_iter().zip(self.in_format);
        let mut all = counts.filter(|(_, count)| *count > 0 && count + iso == self.values).map(|(format, _)| format);
        Some((all.next()?, all.next()))
    }

    /// The type that every value has.
    pub fn value_type(&self) -> ValueType {
        let all = |count: u64| self.values > 0 && count == self.values;
        let times = self.local_times + self.instants;
        if all(self.truths) {
            ValueType::Bool
        } else if self.codes > 0 {
            ValueType::Text
        } else if all(self.integers) {
            ValueType::Integer
        } else if all(self.decimals) {
            ValueType::Decimal
        } else if all(self.days) || all(self.days + self.midnights) {
            ValueType::Date
        } else if all(self.days + times) {
            ValueType::Time
        } else {
            match self.format() {
                Some((format, _)) if format.contains("%H") => ValueType::Time,
                Some(_) if self.local_times + self.instants == 0 => ValueType::Date,
                Some(_) => ValueType::Time,
                None => ValueType::Text,
            }
        }
    }

    /// Whether each value is a JSON array of plain values, written as a text.
    pub fn are_lists(&self) -> bool {
        self.values > 0 && self.lists == self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(texts: &[&str]) -> ValueCounts {
        let mut counts = ValueCounts::default();
        texts.iter().for_each(|text| counts.add_text(text));
        counts
    }

    #[test]
    fn a_field_has_the_type_that_all_of_its_values_have() {
        for (texts, expected) in [
            (&["1", "-7", "9223372036854775807"][..], ValueType::Integer),
            (&["1", "2.5"], ValueType::Decimal),
            (&["1", "007"], ValueType::Text),
            (&["01310-100", "7"], ValueType::Text),
            (&["0", "1"], ValueType::Integer),
            (&["true", "FALSE"], ValueType::Bool),
            (&["-23.55052"], ValueType::Text),
            (&["9223372036854775808"], ValueType::Text),
            (&["2024-03-18", "2024-03-18T00:00:00"], ValueType::Date),
            (&["2024-03-18", "2024-03-18T06:12:45"], ValueType::Time),
            (&["2024-03-18T06:12:45Z", ""], ValueType::Time),
            (&["18/03/2024", "01/02/2024"], ValueType::Date),
            (&["18/03/2024 06:12", "01/02/2024 23:59"], ValueType::Time),
            (&["2024-02-30"], ValueType::Text),
            (&["20240318"], ValueType::Integer),
            (&["a"], ValueType::Text),
            (&[], ValueType::Text),
        ] {
            assert_eq!(counted(texts).value_type(), expected, "{texts:?}");
        }
    }

    #[test]
    fn the_elements_of_lists_are_counted() {
        let counts = counted(&["[\"a\", \"b\"]", "[]", "[1]"]);
        assert!(counts.are_lists());
        assert_eq!((counts.values, counts.list_elements), (3, 3));
        assert!(!counted(&["[\"a\"]", "[[1]]"]).are_lists());
    }

    #[test]
    fn a_format_that_could_be_another_is_known_as_such() {
        assert_eq!(counted(&["18/03/2024", "01/02/2024"]).format(), Some(("%d/%m/%Y", None)));
        assert_eq!(counted(&["03/18/2024"]).format(), Some(("%m/%d/%Y", None)));
        assert_eq!(counted(&["01/02/2024"]).format(), Some(("%d/%m/%Y", Some("%m/%d/%Y"))));
        assert_eq!(counted(&["18/03/2024", "2024-03-18"]).format(), Some(("%d/%m/%Y", None)));
        assert_eq!(counted(&["18/03/2024", "soon"]).format(), None);
    }
}
