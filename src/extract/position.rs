//! Where a window is in its pages, and what asks for the next one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answer;
use super::newest::Newest;
use crate::entity::extract::{Paging, Query, TokenPlace};

/// The place of the next page. Kept in the ledger, so that a process that takes the window over goes on from
/// there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PagePosition {
    /// Records received.
    records: u64,
    /// Pages received.
    pages: u64,
    /// Hash of the last record: the next page begins with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    seam: Option<String>,
    /// Cursor or address of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Records of the window, as its first page says.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// The newest change among the records.
    #[serde(default, skip_serializing_if = "Newest::is_none")]
    pub(super) newest: Newest,
}

/// The way to ask for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageRequest {
    /// Further parameters.
    Parameters(Vec<(String, String)>),
    /// An address, as the source wrote it.
    Address(String),
}

/// The meaning of a page for its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextPage {
    /// The records from this one on are new, and another page may follow.
    More(usize),
    /// The records from this one on are new, and they are the last.
    Last(usize),
    /// The set moved between the page before and this one.
    Drift,
    /// The cursor or address is one that the source has given before.
    Loop,
    /// The answer does not hold the number of records that is declared.
    NoTotal,
}

/// The parts of an answer besides its records.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub body: &'a [u8],
    pub header: &'a dyn Fn(&str) -> Option<String>,
}

impl PagePosition {
    /// Whether nothing was received yet.
    pub(super) fn is_first(&self) -> bool {
        self.pages == 0
    }

    /// Asks for the next page; `None` where the vendor does not go so deep.
    pub(super) fn ask(&self, paging: &Paging) -> Option<PageRequest> {
        let sized = |limit: &Option<(String, u64)>| -> Vec<(String, String)> {
            limit.iter().map(|(name, size)| (name.clone(), size.to_string())).collect()
        };
        Some(match paging {
            Paging::Once => PageRequest::Parameters(Vec::new()),
            Paging::Offset { offset, limit, size, max } => {
                let skip = self.records - u64::from(self.seam.is_some());
                if max.is_some_and(|max| skip > max) {
                    return None;
                }
                PageRequest::Parameters(vec![(offset.clone(), skip.to_string()), (limit.clone(), size.to_string())])
            }
            Paging::Number { number, limit, first, .. } => {
                let mut parameters = sized(limit);
                parameters.push((number.clone(), (first + self.pages).to_string()));
                PageRequest::Parameters(parameters)
            }
            Paging::Cursor { parameter, limit, .. } => {
                let mut parameters = sized(limit);
                parameters.extend(self.token.iter().map(|token| (parameter.clone(), token.clone())));
                PageRequest::Parameters(parameters)
            }
            Paging::Next { limit, .. } => match &self.token {
                Some(address) => PageRequest::Address(address.clone()),
                None => PageRequest::Parameters(sized(limit)),
            },
        })
    }

    /// Takes a page of `records`; `is_known` says whether a cursor was given before.
    pub(super) fn take(
        &mut self,
        query: &Query,
        records: &[&str],
        said: Said<'_>,
        is_known: &mut dyn FnMut(&str) -> bool,
    ) -> NextPage {
        let first = match self.seam.take() {
            None => 0,
            Some(seam) => match records.first() {
                Some(record) if hash(record) == seam => 1,
                // An empty page, or another record: one was removed, inserted, changed or moved before it.
                _ => return NextPage::Drift,
            },
        };
        let new = records.len() - first;
        self.records += new as u64;
        self.pages += 1;
        if let Some(since) = &query.since {
            let changes = records[first..].iter().filter_map(|record| answer::text_at(record.as_bytes(), &since.field));
            changes.for_each(|text| self.newest.add(&text, &since.format));
        }
        let token = match &query.paging {
            Paging::Once => return NextPage::Last(first),
            Paging::Number { total, .. } => return self.numbered(total.as_ref(), new, said),
            Paging::Offset { .. } => {
                if new == 0 {
                    return NextPage::Last(first);
                }
                self.seam = records.last().map(|record| hash(record));
                return NextPage::More(first);
            }
            Paging::Cursor { at, .. } | Paging::Next { at, .. } => token(at, said),
        };
        match token {
            None => NextPage::Last(first),
            Some(token) if is_known(&token) => NextPage::Loop,
            Some(token) => {
                self.token = Some(token);
                NextPage::More(first)
            }
        }
    }

    /// A page by number cannot overlap the one before. What can be seen is a total that changes, and one that
    /// is not what arrived.
    fn numbered(&mut self, total: Option<&TokenPlace>, new: usize, said: Said<'_>) -> NextPage {
        if let Some(at) = total {
            let now = token(at, said).and_then(|text| text.parse::<u64>().ok());
            match (now, self.total) {
                (None, None) if new > 0 => return NextPage::NoTotal,
                (Some(now), Some(before)) if now != before => return NextPage::Drift,
                _ => self.total = self.total.or(now),
            }
        }
        match new {
            0 if self.total.is_some_and(|total| total != self.records) => NextPage::Drift,
            0 => NextPage::Last(0),
            _ => NextPage::More(0),
        }
    }
}

fn hash(record: &str) -> String {
    let digest = Sha256::digest(record.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn token(at: &TokenPlace, said: Said<'_>) -> Option<String> {
    match at {
        TokenPlace::Body(pointer) => answer::text_at(said.body, pointer),
        TokenPlace::Header(name) => {
            let value = (said.header)(name).filter(|value| !value.is_empty())?;
            if name.eq_ignore_ascii_case("link") { next_of(&value) } else { Some(value) }
        }
    }
}

/// The address with `rel="next"` in a `Link` header.
fn next_of(value: &str) -> Option<String> {
    value.split('<').skip(1).find_map(|rest| {
        let (address, parameters) = rest.split_once('>')?;
        let mut relations = parameters.split(';').filter_map(|p| p.trim().trim_end_matches(',').strip_prefix("rel="));
        let is_next = relations.any(|rel| rel.trim().trim_matches('"').split(' ').any(|rel| rel == "next"));
        is_next.then(|| address.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(paging: Paging) -> Query {
        Query {
            name: String::new(),
            source: "x".into(),
            path: "/x".into(),
            parameters: Vec::new(),
            records: vec![String::new()],
            paging,
            window: None,
            since: None,
            lookback_days: 0,
            empty_statuses: Vec::new(),
            empty_when_missing: false,
            part_records: 10,
        }
    }

    fn offset(size: u64) -> Query {
        query(Paging::Offset { offset: "skip".into(), limit: "take".into(), size, max: Some(1_000) })
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    /// Pages through a set that may move after each page; `None` when a drift was noticed.
    fn page_through(
        mut set: Vec<String>,
        query: &Query,
        cap: usize,
        mut moves: impl FnMut(&mut Vec<String>),
    ) -> Option<Vec<String>> {
        let (mut position, mut got) = (PagePosition::default(), Vec::new());
        loop {
            let Some(PageRequest::Parameters(parameters)) = position.ask(&query.paging) else { panic!("too deep") };
            let value = |name: &str| parameters.iter().find(|(n, _)| n == name).unwrap().1.parse::<usize>().unwrap();
            let page: Vec<String> = set.iter().skip(value("skip")).take(value("take").min(cap)).cloned().collect();
            let records: Vec<&str> = page.iter().map(String::as_str).collect();
            let said = Said { body: b"", header: &none };
            match position.take(query, &records, said, &mut |_| false) {
                NextPage::More(first) => got.extend(page[first..].iter().cloned()),
                NextPage::Last(first) => {
                    got.extend(page[first..].iter().cloned());
                    return Some(got);
                }
                NextPage::Drift => return None,
                NextPage::Loop | NextPage::NoTotal => panic!("{position:?}"),
            }
            moves(&mut set);
        }
    }

    fn records(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("{{\"id\":{i}}}")).collect()
    }

    proptest! {
        #[test]
        fn offset_pages_bring_every_record_once_also_where_the_page_size_is_capped(
            n in 0_usize..60,
            size in 2_u64..9,
            cap in 2_usize..9,
        ) {
            prop_assert_eq!(page_through(records(n), &offset(size), cap, |_| ()), Some(records(n)));
        }

        #[test]
        fn a_set_that_moves_in_front_of_a_page_is_noticed(
            n in 12_usize..60,
            size in 2_u64..9,
            at in 0_usize..60,
            removes in any::<bool>(),
        ) {
            let mut pages = 0;
            let got = page_through(records(n), &offset(size), 100, |set| {
                pages += 1;
                if pages == 1 {
                    match removes {
                        true => drop(set.remove(at % size as usize)),
                        false => set.insert(at % size as usize, "{\"id\":-1}".to_owned()),
                    }
                }
            });
            prop_assert_eq!(got, None);
        }
    }

    #[test]
    fn cursors_are_followed_until_there_is_none_and_not_in_circles() {
        let query = query(Paging::Cursor {
            at: TokenPlace::Body("/next".into()),
            parameter: "after".into(),
            limit: Some(("limit".into(), 2)),
        });
        let mut position = PagePosition::default();
        let mut take = |body: &str, is_known: bool| {
            position.take(&query, &["{}"], Said { body: body.as_bytes(), header: &none }, &mut |_| is_known)
        };
        assert_eq!(take(r#"{"next": "b"}"#, false), NextPage::More(0));
        assert_eq!(take(r#"{"next": "b"}"#, true), NextPage::Loop);
        assert_eq!(take(r#"{"next": null}"#, false), NextPage::Last(0));
        let asked = PageRequest::Parameters(vec![("limit".into(), "2".into()), ("after".into(), "b".into())]);
        assert_eq!(position.ask(&query.paging), Some(asked));
    }

    #[test]
    fn a_total_that_changes_or_is_not_what_arrived_is_noticed() {
        let total = Some(TokenPlace::Body("/total".into()));
        let query = query(Paging::Number { number: "page".into(), limit: None, first: 1, total });
        let read = |pages: &[(&str, usize)]| {
            let mut position = PagePosition::default();
            let mut last = NextPage::More(0);
            for (body, count) in pages {
                let said = Said { body: body.as_bytes(), header: &none };
                last = position.take(&query, &vec!["{}"; *count], said, &mut |_| false);
            }
            last
        };
        let (three, four) = (r#"{"total": 3}"#, r#"{"total": "4"}"#);
        assert_eq!(read(&[(three, 2), (three, 1), (three, 0)]), NextPage::Last(0));
        assert_eq!(read(&[(three, 2), (three, 1), ("{}", 0)]), NextPage::Last(0), "the page after the last is bare");
        assert_eq!(read(&[("{}", 0)]), NextPage::Last(0));
        assert_eq!(read(&[(three, 2), (four, 1)]), NextPage::Drift);
        assert_eq!(read(&[(three, 2), (three, 0)]), NextPage::Drift, "one is missing");
        assert_eq!(read(&[("{}", 2)]), NextPage::NoTotal);
    }

    #[test]
    fn the_newest_change_is_kept_where_everything_since_a_day_is_asked_for() {
        let mut query = query(Paging::Once);
        query.since = Some(crate::entity::extract::Since {
            parameter: "since".into(),
            field: "/meta/changed".into(),
            format: "%+".into(),
            template: "{}".into(),
        });
        let mut position = PagePosition::default();
        let records = [
            r#"{"meta": {"changed": "2026-01-10T00:00:00Z"}}"#,
            "{}",
            r#"{"meta": {"changed": "2026-01-09T00:00:00Z"}}"#,
        ];
        position.take(&query, &records, Said { body: b"", header: &none }, &mut |_| false);
        assert_eq!(position.newest.at, "2026-01-10T00:00:00Z".parse().ok());
    }

    #[test]
    fn an_empty_page_that_has_a_cursor_is_not_the_end() {
        let query = query(Paging::Next { at: TokenPlace::Header("Link".into()), limit: None });
        let header = |_: &str| Some(r#"<https://x/1>; rel="prev", <https://x/3>; rel="next""#.to_owned());
        let mut position = PagePosition::default();
        let turn = position.take(&query, &[], Said { body: b"[]", header: &header }, &mut |_| false);
        assert_eq!(turn, NextPage::More(0));
        assert_eq!(position.ask(&query.paging), Some(PageRequest::Address("https://x/3".into())));
    }

    #[test]
    fn a_position_survives_the_ledger() {
        let mut position = PagePosition::default();
        position.take(&offset(3), &["{}", "{}"], Said { body: b"", header: &none }, &mut |_| false);
        let kept = serde_json::to_value(&position).unwrap();
        assert_eq!(serde_json::from_value::<PagePosition>(kept).unwrap(), position);
        assert_eq!(position.ask(&offset(3).paging).map(|ask| format!("{ask:?}").contains("\"1\"")), Some(true));
    }
}
