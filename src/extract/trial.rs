//! `evo extract --try`: one page, and what can be seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::answer::text_at;
use super::client::Client;
use super::fetch::Fetcher;
use super::limiter::Limiter;
use super::newest::Newest;
use super::position::{NextPage, PagePosition, PageRequest, Said};
use super::window::Days;
use crate::entity::extract::{Paging, Query, Since};
use crate::error::{Error, Kind, Result};
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// The facts that one page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Address of the request, without secrets.
    pub address: String,
    /// Status of the answer.
    pub status: u16,
    /// Records on the page.
    pub records: usize,
    /// Bytes of the answer.
    pub bytes: usize,
    /// Whether another page follows, in a few words.
    pub paging: String,
    /// Records that hold a time of their change where the query says; `None` where it does not say.
    pub changed: Option<usize>,
    /// Whether a second request brought the same records in the same order.
    pub is_stable: bool,
    /// Headers that speak of a limit.
    pub rate_headers: Vec<(String, String)>,
    /// Fields of the records with the JSON types that occur.
    pub fields: Vec<(String, String)>,
}

/// Fetches the first page of a query twice, once each.
///
/// # Errors
/// As one request fails: nothing is repeated.
pub async fn attempt(client: Arc<Client>, limiter: Arc<Limiter>, query: &Query, days: Days) -> Result<Trial> {
    let once = Policy {
        max_retries: 0,
        base: std::time::Duration::ZERO,
        max: std::time::Duration::ZERO,
        budget: std::time::Duration::ZERO,
    };
    let fetcher = Fetcher { client: Arc::clone(&client), limiter, retry: once, shutdown: Shutdown::never() };
    let first = PagePosition::default();
    let Some(ask) = first.ask(&query.paging) else { return Err(Error::new(Kind::Internal, "no first page")) };
    let address = client.address(query, &days.parameters(query), &ask)?.to_string();
    let page = fetcher.once((query, days), &first).await?;
    let again = fetcher.once((query, days), &first).await?;
    let texts = page.texts()?;
    let header = |name: &str| page.answer.header(name);
    let said = Said { body: &page.answer.body, header: &header };
    let mut after = first.clone();
    let paging = match after.take(query, &texts, said, &mut |_| false) {
        NextPage::More(_) => format!("another page may follow: {}", asking(&after, &query.paging)),
        NextPage::Last(_) => "it is the last page".to_owned(),
        NextPage::NoTotal => "the total that is declared is not there".to_owned(),
        NextPage::Drift | NextPage::Loop => "unclear".to_owned(),
    };
    let is_time = |text: &&str, since: &Since| {
        let mut newest = Newest::default();
        text_at(text.as_bytes(), &since.field).iter().for_each(|time| newest.add(time, &since.format));
        !newest.is_none()
    };
    let changed = query.since.as_ref().map(|since| texts.iter().filter(|text| is_time(text, since)).count());
    let names = ["rate", "limit", "quota", "retry"];
    let speaks = |name: &str| names.iter().any(|part| name.contains(part));
    let rate_headers = page.answer.headers.iter().filter(|(name, _)| speaks(name.as_str()));
    Ok(Trial {
        address,
        status: page.answer.status,
        records: texts.len(),
        bytes: page.answer.body.len(),
        paging,
        changed,
        is_stable: texts == again.texts()?,
        rate_headers: rate_headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        fields: fields(&texts),
    })
}

/// What asks for the next page; of a token only its parameter, because it may be data.
fn asking(after: &PagePosition, paging: &Paging) -> String {
    let is_token = matches!(paging, Paging::Cursor { .. });
    match after.ask(paging) {
        Some(PageRequest::Parameters(parameters)) => {
            let shown = |(name, value): &(String, String)| match is_token && value.parse::<u64>().is_err() {
                true => format!("{name}=…"),
                false => format!("{name}={value}"),
            };
            parameters.iter().map(shown).collect::<Vec<_>>().join("&")
        }
        Some(PageRequest::Address(_)) => "its address is there".to_owned(),
        None => "but the vendor does not go so deep".to_owned(),
    }
}

fn fields(records: &[&str]) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    let mut order = Vec::new();
    for record in records {
        let Ok(Value::Object(object)) = serde_json::from_str(record) else { continue };
        for (name, value) in object {
            let kind = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            let kinds = found.entry(name.clone()).or_insert_with(|| {
                order.push(name);
                Vec::new()
            });
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    order.into_iter().map(|name| (name.clone(), found.remove(&name).unwrap_or_default().join(", "))).collect()
}
