//! `evo extract --try`: one page, and what can be seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::client::Client;
use super::fetch::Fetcher;
use super::limiter::Limiter;
use super::position::{NextPage, PagePosition, Said};
use super::window::Days;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// What one page shows.
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
    /// What the page says about the next one.
    pub paging: String,
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
    let paging = match first.clone().take(query, &texts, said, &mut |_| false) {
        NextPage::More(_) => "another page may follow",
        NextPage::Last(_) => "it is the last page",
        NextPage::NoTotal => "the total that is declared is not there",
        NextPage::Drift | NextPage::Loop => "unclear",
    };
    let names = ["rate", "limit", "quota", "retry"];
    let speaks = |name: &str| names.iter().any(|part| name.contains(part));
    let rate_headers = page.answer.headers.iter().filter(|(name, _)| speaks(name.as_str()));
    Ok(Trial {
        address,
        status: page.answer.status,
        records: texts.len(),
        bytes: page.answer.body.len(),
        paging: paging.to_owned(),
        is_stable: texts == again.texts()?,
        rate_headers: rate_headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        fields: fields(&texts),
    })
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
