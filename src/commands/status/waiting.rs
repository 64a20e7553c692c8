//! What waits in the lake and is not in the ledger yet.

use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::Instant;

use crate::bronze::Lake;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::Result;
use crate::ledger::objects;
use crate::pg::Connection;

/// How long the lake is listed, all entities together.
const LIMIT: Duration = Duration::from_secs(10);

/// Objects of an entity that the ledger does not know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// Whether the listing came to its end.
    pub(super) is_complete: bool,
}

/// A look at the lake, or the reason why there is none.
pub(super) struct Look {
    lake: Option<Lake>,
    problem: Option<String>,
    until: Instant,
}

impl Look {
    /// No look, because nobody wants one.
    pub(super) fn none() -> Self {
        Self { lake: None, problem: Some("the lake was not listed".to_owned()), until: Instant::now() }
    }

    pub(super) fn at(settings: &Settings) -> Self {
        let (lake, problem) = match Lake::open(&settings.lake, &settings.azure) {
            Ok(lake) => (Some(lake), None),
            Err(error) => (None, Some(error.message().to_owned())),
        };
        Self { lake, problem, until: Instant::now() + LIMIT }
    }

    /// Why the lake was not looked at, or not to its end.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether every object of the lake was seen.
    pub(super) fn listed_all(&self) -> bool {
        self.problem.is_none()
    }

    /// Counts what the ledger does not know of an entity; `None` when the lake is not looked at.
    ///
    /// # Errors
    /// Of the server. What goes wrong with the lake ends the look, for the other entities as well.
    pub(super) async fn count(&mut self, connection: &Connection, entity: &Entity) -> Result<Option<Waiting>> {
        let Some(lake) = self.lake.clone() else { return Ok(None) };
        let mut waiting = Waiting::default();
        let mut pages = lake.list_pages(&entity.bronze_prefix, &entity.input.suffixes);
        loop {
            match tokio::time::timeout_at(self.until, pages.try_next()).await {
                Ok(Ok(Some(page))) => {
                    let listed = page.objects.iter().map(|o| (o.path.as_str(), o.etag.as_str(), o.size_bytes));
                    let (objects, bytes) = objects::unknown(connection, &entity.name, listed).await?;
                    waiting.objects += objects;
                    waiting.bytes += bytes;
                }
                Ok(Ok(None)) => {
                    waiting.is_complete = true;
                    return Ok(Some(waiting));
                }
                Ok(Err(error)) => self.problem = Some(error.message().to_owned()),
                Err(_) => {
                    self.problem = Some(format!("listing the lake takes more than {} s", LIMIT.as_secs()));
                    return Ok(Some(waiting));
                }
            }
            if self.problem.is_some() {
                self.lake = None;
                return Ok(None);
            }
        }
    }
}
