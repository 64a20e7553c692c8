//! "Did you mean": the known name that is closest to a mistyped one.

use strsim::osa_distance;

/// The candidate that `word` was probably meant to be. At most a third of its letters may differ: at least
/// one, and two from four letters on. Case is ignored; two swapped neighbours count once. `None` when nothing
/// is close.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let allowed = if letters < 4 { 1 } else { (letters / 3).max(2) };
    nearest(word, candidates, allowed)
}

/// The candidate with the fewest differences from `word`, at most `allowed` of them.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, allowed: usize) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name_and_a_stranger_finds_none() {
        let entities = ["members", "sales", "entries"];
        for (word, meant) in [("sale", "sales"), ("salse", "sales"), ("membres", "members"), ("SALES", "sales")] {
            assert_eq!(did_you_mean(word, entities), Some(meant), "{word}");
        }
        assert_eq!(did_you_mean("invoices", entities), None);
        let settings = ["workers", "batch_size", "lake"];
        assert_eq!(did_you_mean("bacth_size", settings), Some("batch_size"));
        assert_eq!(did_you_mean("temperature", settings), None);
        assert_eq!(did_you_mean("xy", ["all"]), None);
    }

    #[test]
    fn swapped_neighbours_are_one_difference() {
        assert_eq!(nearest("lkae", ["lake"], 1), Some("lake"));
        assert_eq!(nearest("", ["lake"], 3), None);
    }
}
