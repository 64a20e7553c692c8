//! Ranges of values by which tables are worked on in parts.

use crate::ids::RowKey;
use crate::sql::{ident, literal};

/// The values in `(after, up_to]`, as texts that SQL reads; `None` is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub after: Option<String>,
    pub up_to: Option<String>,
    /// Only these of them, where there is a list.
    pub only: Option<Vec<RowKey>>,
}

impl Range {
    /// The ranges between ascending `bounds`: one more than there are bounds, the first and the last open.
    pub(super) fn between(bounds: &[String]) -> Vec<Range> {
        let mut edges: Vec<Option<String>> = vec![None];
        edges.extend(bounds.iter().cloned().map(Some));
        edges.push(None);
        edges.windows(2).map(|pair| Range { after: pair[0].clone(), up_to: pair[1].clone(), only: None }).collect()
    }

    /// The range of `keys[begin..end]`, for ascending keys that are all there are. The last range is open.
    pub(super) fn of_keys(keys: &[RowKey], begin: usize, end: usize) -> Self {
        let after = begin.checked_sub(1).map(|i| keys[i].to_string());
        Self { after, up_to: (end < keys.len()).then(|| keys[end - 1].to_string()), only: None }
    }

    /// The same range; where it is open, it ends where `whole` does.
    pub(super) fn inside(self, whole: &Range) -> Self {
        let only = self.only.or(whole.only.clone());
        Self { after: self.after.or(whole.after.clone()), up_to: self.up_to.or(whole.up_to.clone()), only }
    }

    /// The conditions that a value of `column` fulfils in this range; none if it is open at both ends.
    pub(super) fn conditions(&self, column: &str) -> Vec<String> {
        let after = self.after.iter().map(|v| format!("{} > {}", ident(column), literal(v)));
        let up_to = self.up_to.iter().map(|v| format!("{} <= {}", ident(column), literal(v)));
        let only = self.only.iter().map(|keys| format!("{} = any({})", ident(column), array(keys)));
        after.chain(up_to).chain(only).collect()
    }

    /// Lists of at most `most` keys each.
    pub(super) fn of_lists(keys: &[RowKey], most: usize) -> Vec<Range> {
        keys.chunks(most.max(1)).map(|keys| Range { only: Some(keys.to_vec()), ..Range::default() }).collect()
    }
}

/// Keys as an array that SQL reads.
fn array(keys: &[RowKey]) -> String {
    let of = |sql: &str| {
        let keys: Vec<String> = keys.iter().map(|key| literal(&key.to_string())).collect();
        format!("array[{}]::{sql}[]", keys.join(","))
    };
    match keys.first() {
        Some(RowKey::Text(_)) => of("text"),
        Some(RowKey::Uuid(_)) => of("uuid"),
        Some(RowKey::Integer(_)) | None => {
            let keys: Vec<String> = keys.iter().map(RowKey::to_string).collect();
            format!("'{{{}}}'::bigint[]", keys.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_value_once() {
        let range = |after: Option<&str>, up_to: Option<&str>| Range {
            after: after.map(str::to_owned),
            up_to: up_to.map(str::to_owned),
            only: None,
        };
        assert_eq!(Range::between(&[]), [range(None, None)]);
        let bounds = ["3".to_owned(), "9".to_owned()];
        let expected = [range(None, Some("3")), range(Some("3"), Some("9")), range(Some("9"), None)];
        assert_eq!(Range::between(&bounds), expected);
        assert_eq!(expected[1].conditions("x"), ["\"x\" > '3'", "\"x\" <= '9'"]);
        assert_eq!(expected[2].clone().inside(&range(Some("1"), Some("12"))), range(Some("9"), Some("12")));
        let lists = Range::of_lists(&[4, 5, 6].map(RowKey::Integer), 2);
        assert_eq!(lists[0].conditions("x"), ["\"x\" = any('{4,5}'::bigint[])"]);
        assert_eq!((lists.len(), lists[1].only.clone()), (2, Some(vec![RowKey::Integer(6)])));
        let texts = Range::of_lists(&[RowKey::Text("O'Hara, {a}".into())], 2);
        assert_eq!(texts[0].conditions("x"), ["\"x\" = any(array['O''Hara, {a}']::text[])"]);
        let part = range(Some("3"), None).inside(&lists[0]);
        assert_eq!(part.conditions("x"), ["\"x\" > '3'", "\"x\" = any('{4,5}'::bigint[])"]);
    }
}
