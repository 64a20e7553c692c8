//! Which of two objects of the lake is newer.
//!
//! The ingestion date decides, and an object without one is older than any other. Then comes the run, with
//! numbers in its id read as numbers (9 < 10), then the id as it stands, then the path. `evo.compare_places`
//! and `evo.run_order` are the same in SQL; `tests/integration/order.rs` compares the two.

use std::cmp::Ordering;

use chrono::NaiveDate;

/// Decides which of two objects, and so which of two lines with one key, is newer. The newer one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precedence<'a> {
    /// The date in the path.
    pub ingestion_date: Option<NaiveDate>,
    /// The text after `run_id=` in the path.
    pub run_id: &'a str,
    /// The path below the lake's root.
    pub path: &'a str,
}

impl Ord for Precedence<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let runs = || compare_runs((self.ingestion_date, self.run_id), (other.ingestion_date, other.run_id));
        runs().then_with(|| self.path.cmp(other.path))
    }
}

impl PartialOrd for Precedence<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Compares two runs, each with its ingestion date. The newer one is greater.
pub fn compare_runs(a: (Option<NaiveDate>, &str), b: (Option<NaiveDate>, &str)) -> Ordering {
    let ids = || run_order(a.1).cmp(&run_order(b.1)).then_with(|| a.1.cmp(b.1));
    a.0.cmp(&b.0).then_with(ids)
}

/// A sort key for run ids, to be compared by bytes: each number becomes its length in four digits, followed
/// by its digits without leading zeros.
pub fn run_order(run_id: &str) -> String {
    let mut order = String::with_capacity(run_id.len() + 8);
    let mut rest = run_id;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        if !number.is_empty() {
            let significant = number.trim_start_matches('0');
            let digits = if significant.is_empty() { "0" } else { significant };
            order.push_str(&format!("{:04}{digits}", digits.len()));
        }
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        order.push_str(&behind[..end]);
        rest = &behind[end..];
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_run_ids_are_read_as_numbers_and_the_date_comes_first() {
        let day = |d| NaiveDate::from_ymd_opt(2026, 1, d);
        let sorted = [
            (None, "99"),
            (day(10), "009"),
            (day(10), "9"),
            (day(10), "10"),
            (day(10), "20260110T020501Z"),
            (day(10), "run-9"),
            (day(10), "run-10"),
            (day(10), "run-10-b"),
            (day(11), "1"),
        ];
        for pair in sorted.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            assert_eq!(compare_runs(a, b), Ordering::Less, "{a:?} {b:?}");
            assert_eq!(compare_runs(b, a), Ordering::Greater, "{b:?} {a:?}");
        }
    }
}
