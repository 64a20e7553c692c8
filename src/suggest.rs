//! "Did you mean": the known name that is closest to a mistyped one.

/// The candidate that `word` was probably meant to be, or none when nothing is close: at most a third of its letters
/// differ, and never fewer than two of a word of four or more. Upper and lower case are the same.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let allowed = if letters < 4 { 1 } else { (letters / 3).max(2) };
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits that turn `a` into `b`: a letter inserted, deleted or replaced, or two neighbours swapped.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            rows[i][j] = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[a.len()][b.len()]
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
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(distance("lkae", "lake"), 1);
        assert_eq!(distance("", "lake"), 4);
    }
}
