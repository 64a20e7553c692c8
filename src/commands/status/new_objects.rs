//! Objects of the lake that a load would take and that the ledger does not know yet.

use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::Instant;

use crate::bronze::Lake;
use crate::commands::which_lake;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::ids::LakeId;
use crate::ledger::listing;
use crate::pg::{Connection, Pool};

/// The time for listing the lake, all entities together.
const LIMIT: Duration = Duration::from_secs(10);

/// Objects of an entity that the ledger does not know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NewObjects {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// Whether the listing was read to its end.
    pub(super) is_complete: bool,
}

/// The lake, listed entity by entity, or why it is not listed.
pub(super) struct LakeScan {
    lake: Option<(Lake, LakeId)>,
    problem: Option<String>,
    until: Instant,
}

impl LakeScan {
    /// Lists nothing, because the user asked for the ledger only.
    pub(super) fn none() -> Self {
        Self::failed("the lake was not listed".to_owned())
    }

    /// Opens the lake of the settings. One that cannot be opened, or of which the ledger cannot tell which
    /// one it is, is a [`LakeScan::problem`].
    pub(super) async fn open(settings: &Settings, pool: &Pool, entities: &[&Entity]) -> Self {
        let until = Instant::now() + LIMIT;
        let opened = async {
            let lake = Lake::open(&settings.lake, &settings.azure)?;
            let id = which_lake::find(pool, &lake, entities, true).await?;
            Ok::<_, Error>((lake, id))
        };
        match tokio::time::timeout_at(until, opened).await {
            Ok(Ok(lake)) => Self { lake: Some(lake), problem: None, until },
            Ok(Err(error)) => Self::failed(error.message().to_owned()),
            Err(_) => Self::failed(too_slow()),
        }
    }

    fn failed(problem: String) -> Self {
        Self { lake: None, problem: Some(problem), until: Instant::now() }
    }

    /// Why the lake was not listed, or not to its end.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Whether every object of the lake was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.problem.is_none()
    }

    /// Counts the new objects of an entity; `None` when the lake is not listed.
    ///
    /// # Errors
    /// Those of the server. A failure of the lake is a [`LakeScan::problem`] and ends the scan, for later
    /// entities too.
    pub(super) async fn count(&mut self, connection: &Connection, entity: &Entity) -> Result<Option<NewObjects>> {
        let Some((lake, id)) = self.lake.clone() else { return Ok(None) };
        let mut found = NewObjects::default();
        let mut pages = lake.list_pages(&entity.bronze_prefix, &entity.input.suffixes);
        loop {
            match tokio::time::timeout_at(self.until, pages.try_next()).await {
                Ok(Ok(Some(page))) => {
                    let listed = page.objects.iter().map(|o| (o.path.as_str(), o.etag.as_str(), o.size_bytes));
                    let (objects, bytes) = listing::unknown(connection, &entity.name, id, listed).await?;
                    found.objects += objects;
                    found.bytes += bytes;
                }
                Ok(Ok(None)) => {
                    found.is_complete = true;
                    return Ok(Some(found));
                }
                Ok(Err(error)) => {
                    (self.lake, self.problem) = (None, Some(error.message().to_owned()));
                    return Ok(None);
                }
                Err(_) => {
                    self.problem = Some(too_slow());
                    return Ok(Some(found));
                }
            }
        }
    }
}

fn too_slow() -> String {
    format!("listing the lake takes more than {} s", LIMIT.as_secs())
}
