//! The work that waits for each entity, how long it takes, and the load of the last hour: `evo.v_entities`.

use serde::{Deserialize, Serialize};

use super::history::typed;
use crate::error::Result;
use crate::pg::Ask;

/// A row of `evo.v_entities`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EntityActivity {
    /// The entity.
    pub entity: String,
    /// Objects that are known and not loaded.
    pub objects_pending: i64,
    /// Their compressed bytes.
    pub bytes_pending: i64,
    /// Committed batches that core does not contain yet.
    pub batches_to_transform: i64,
    /// Documents in these.
    pub documents_to_transform: i64,
    /// Batches of the last hour.
    pub hour_batches: i64,
    /// Their lines.
    pub hour_lines: i64,
    /// Their compressed bytes.
    pub hour_bytes: i64,
    /// Their rejected lines.
    pub hour_rejected: i64,
    /// Lines per second while something was loading; `None` when nothing was.
    pub hour_lines_per_s: Option<f64>,
    /// The same for the latest batches, whenever they were.
    pub load_lines_per_s: Option<f64>,
    /// Compressed bytes per second of these.
    pub load_bytes_per_s: Option<f64>,
    /// Estimated seconds for the pending objects; `None` when there is nothing to estimate from.
    pub load_left_s: Option<f64>,
    /// Documents per second of the latest transforms.
    pub transform_documents_per_s: Option<f64>,
    /// Estimated seconds for the documents to transform.
    pub transform_left_s: Option<f64>,
}

/// The activity of every entity that was ever planned.
///
/// # Errors
/// See [`crate::pg`].
pub async fn all(connection: &impl Ask) -> Result<Vec<EntityActivity>> {
    typed(&connection.query(sql_file!("status/activity.sql"), &[]).await?)
}
