//! Whether a source answers, and whether it takes the credential.

use chrono::Utc;

use super::client::Client;
use super::position::PagePosition;
use super::window::Days;
use crate::config::ApiSource;
use crate::entity::extract::Query;
use crate::error::{Error, Kind, Result};

/// Asks for the first page of today's records, once. Returns the status of the answer: 401 and 403 refuse the
/// credential, 429 the number of requests.
///
/// # Errors
/// `Config` when a secret is not set; `SourceUnavailable` when there is no answer; `SourceInvalid` for a
/// certificate.
pub async fn reach(source: &ApiSource, query: &Query) -> Result<u16> {
    let client = Client::open(source)?;
    let today = Utc::now().date_naive();
    let days = Days::inclusive(today, today)?;
    let Some(ask) = PagePosition::default().ask(&query.paging) else {
        return Err(Error::new(Kind::Internal, "no first page"));
    };
    let address = client.address(query, &days.parameters(query), &ask)?;
    Ok(client.get(&address).await?.status)
}
