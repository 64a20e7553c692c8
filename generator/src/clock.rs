//! Local wall-clock times without a zone, as the documents carry them, and fast enough to write billions of
//! them.

use chrono::{Datelike, NaiveDate};

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// A local wall-clock second, counted from 1970-01-01T00:00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// Midnight at the beginning of `date`.
    pub(crate) fn midnight_of(date: NaiveDate) -> Self {
        Self(i64::from(date.num_days_from_ce() - 719_163) * DAY)
    }

    /// Midnight at the beginning of this day.
    pub(crate) fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY))
    }

    /// `seconds` later, or earlier when negative.
    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    /// Midnight `days` after the beginning of this day.
    pub(crate) fn plus_days(self, days: i64) -> Self {
        self.midnight().plus(days * DAY)
    }

    /// Midnight of the first day of this month.
    pub(crate) fn month_start(self) -> Self {
        let (_, _, day) = civil(self.0.div_euclid(DAY));
        self.plus_days(1 - day)
    }

    /// Appends `2024-03-18T06:12:45`.
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let mut text = *b"0000-00-00T00:00:00";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], second / 3_600);
        digits(&mut text[14..16], second / 60 % 60);
        digits(&mut text[17..19], second % 60);
        out.extend_from_slice(&text);
    }
}

/// Fills `place` with the decimal digits of `n`, zero-padded.
pub(crate) fn digits(place: &mut [u8], mut n: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Second of the day at which a gym has seen that share of its traffic: (share in thousandths, second).
const TRAFFIC: [(i64, i64); 10] = [
    (0, 0),
    (15, 5 * 3_600),
    (170, 7 * 3_600),
    (300, 9 * 3_600),
    (400, 12 * 3_600),
    (500, 14 * 3_600),
    (640, 17 * 3_600),
    (930, 21 * 3_600),
    (985, 23 * 3_600),
    (1_000, DAY),
];

/// Bends evenly spread seconds to the rush hours of a gym; never changes the order of two moments or their
/// day.
pub(crate) fn rush_hours(moment: Moment) -> Moment {
    let midnight = moment.midnight();
    let even = (moment.0 - midnight.0) * 1_000;
    for pair in TRAFFIC.windows(2) {
        let ((from, begin), (to, end)) = (pair[0], pair[1]);
        if even < to * DAY {
            return midnight.plus(begin + (even - from * DAY) * (end - begin) / ((to - from) * DAY));
        }
    }
    moment
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;

    #[test]
    fn moments_print_as_the_calendar_says() {
        let first = NaiveDate::from_ymd_opt(1899, 12, 30).unwrap();
        for n in (0..80_000).step_by(7) {
            let date = first + Days::new(n);
            let mut out = Vec::new();
            Moment::midnight_of(date).plus(22_365).append_to(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{date}T06:12:45"));
        }
    }

    #[test]
    fn rush_hours_keep_order_and_day() {
        let bent: Vec<i64> = (0..2 * DAY).step_by(11).map(|s| rush_hours(Moment(s)).0).collect();
        assert!(bent.is_sorted());
        assert!(bent.iter().zip((0..2 * DAY).step_by(11)).all(|(bent, even)| bent / DAY == even / DAY));
        assert!(bent.iter().any(|s| s % DAY > 22 * 3_600), "late hours exist: they matter for time zones");
    }

    #[test]
    fn a_month_starts_on_its_first_day() {
        let date = |y, m, d| Moment::midnight_of(NaiveDate::from_ymd_opt(y, m, d).unwrap());
        assert_eq!(date(2024, 2, 29).plus(5_000).month_start(), date(2024, 2, 1));
        assert_eq!(date(2024, 3, 1).month_start(), date(2024, 3, 1));
    }
}
