//! Numbers with their nouns: `1 object`, `1,204 objects`.

use indicatif::HumanCount;

/// A count with its digits in groups of three: `12,345,678`.
pub fn count(n: u64) -> String {
    HumanCount(n).to_string()
}

/// A count with its noun in the right number: `1 object`, `1,204 objects`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular_and_every_other_number_of_things_plural() {
        assert_eq!([count(0), count(999), count(1_000), count(12_345_678)], ["0", "999", "1,000", "12,345,678"]);
        let objects = |n| counted(n, "object", "objects");
        assert_eq!([objects(0), objects(1), objects(1_204)], ["0 objects", "1 object", "1,204 objects"]);
    }
}
