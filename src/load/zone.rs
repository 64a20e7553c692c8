//! The entity's time zone as the server knows it.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Utc};

use super::under_way::Load;
use crate::error::Result;
use crate::pg::Transaction;
use crate::stage::{ZoneOffsets, ZoneStep};

/// The first year whose local times evo makes instants of. Documents of other years take the slower ways.
const FIRST_YEAR: i32 = 2000;
/// The last one, in years from now.
const YEARS_AHEAD: i32 = 3;
const DAY_MICROS: i64 = 86_400_000_000;

/// The offsets of the entity's zone, asked for once in a load; `None` for an entity without a time in its
/// key.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn offsets(load: &Load<'_>, tx: &Transaction<'_>) -> Result<Option<Arc<ZoneOffsets>>> {
    let entity = &load.job.entity;
    if entity.key_time().is_none() {
        return Ok(None);
    }
    load.zone.get_or_try_init(async || ask(tx, &entity.zone).await.map(Arc::new)).await.cloned().map(Some)
}

async fn ask(tx: &Transaction<'_>, zone: &str) -> Result<ZoneOffsets> {
    let first_of = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    let (first, last) = (first_of(FIRST_YEAR), first_of(Utc::now().year() + YEARS_AHEAD));
    let rows = tx.query(sql_file!("load/zone_offsets.sql"), &[&zone, &first, &last]).await?;
    let steps = rows.iter().map(|row| ZoneStep { from: row.get(0), offset: row.get(1) }).collect();
    let until = (last - first_of(2000)).num_days() * DAY_MICROS;
    Ok(ZoneOffsets::new(steps, until))
}
