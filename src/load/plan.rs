//! Discover and plan: what the lake holds that is not in, grouped into batches, run by run.

use uuid::Uuid;

use crate::bronze::Lake;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::objects::{self, Listed, Pending, Selection};
use crate::pg::Pool;

/// Objects that are loaded in one transaction; all of one run, in path order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Drawn once, kept over all attempts.
    pub token: Uuid,
    /// Its objects.
    pub objects: Vec<Pending>,
}

/// What is to be loaded of one entity.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Data objects that the listing showed.
    pub listed: u64,
    /// Of them, never seen before.
    pub new: u64,
    /// Run id and batches, oldest run first.
    pub runs: Vec<(String, Vec<Batch>)>,
}

impl Plan {
    /// Objects to load.
    pub fn objects(&self) -> u64 {
        self.batches().map(|b| b.objects.len() as u64).sum()
    }

    /// Compressed bytes to load.
    pub fn bytes(&self) -> u64 {
        self.batches().flat_map(|b| &b.objects).map(|o| o.size_bytes.unsigned_abs()).sum()
    }

    /// All batches in order.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.runs.iter().flat_map(|(_, batches)| batches)
    }
}

/// Lists the entity's prefix, records what is new in the ledger, and plans what waits.
///
/// # Errors
/// `SourceInvalid` when the lake holds no data object of the entity; of the lake and the server.
pub async fn discover(
    lake: &Lake,
    pool: &Pool,
    entity: &Entity,
    selection: &Selection,
    batch_size: usize,
) -> Result<Plan> {
    let found = lake.list(&entity.bronze_prefix, &entity.input.suffixes).await?;
    if found.is_empty() {
        return Err(Error::new(
            Kind::SourceInvalid,
            format!("the lake {} holds no objects of {}", lake.shown(), entity.name),
        )
        .detail(format!("looked for *.jsonl.gz below {}/", entity.bronze_prefix))
        .hint("check --lake, or write some with `evo generate`"));
    }
    let listed: Vec<Listed> = found
        .into_iter()
        .map(|o| Listed {
            path: o.path,
            etag: o.etag,
            size_bytes: i64::try_from(o.size_bytes).unwrap_or(i64::MAX),
            run_id: o.place.run_id,
            ingestion_date: o.place.ingestion_date,
        })
        .collect();
    if let Some(run) =
        selection.run_id.as_deref().filter(|run| !listed.iter().any(|o| o.run_id.as_deref() == Some(run)))
    {
        let mut runs: Vec<&str> = listed.iter().filter_map(|o| o.run_id.as_deref()).collect();
        runs.sort_unstable();
        runs.dedup();
        let newest: Vec<&str> = runs.iter().rev().take(5).copied().collect();
        return Err(Error::new(Kind::SourceInvalid, format!("the lake has no run {run:?} of {}", entity.name))
            .detail(format!("newest runs: {}", newest.join(", ")))
            .hint("--run-id takes the whole id, exactly"));
    }
    let new = objects::record(pool, &entity.name, &listed).await?;
    let pending = objects::pending(pool, &entity.name, selection).await?;
    let present: std::collections::HashSet<(&str, &str)> =
        listed.iter().map(|o| (o.path.as_str(), o.etag.as_str())).collect();
    // What was listed once and is gone or replaced since cannot be read any more.
    let pending = pending.into_iter().filter(|o| present.contains(&(o.path.as_str(), o.etag.as_str()))).collect();
    Ok(Plan { listed: listed.len() as u64, new, runs: group(pending, batch_size) })
}

fn group(pending: Vec<Pending>, batch_size: usize) -> Vec<(String, Vec<Batch>)> {
    let mut runs: Vec<(String, Vec<Batch>)> = Vec::new();
    for object in pending {
        if runs.last().is_none_or(|(run, _)| *run != object.run_id) {
            runs.push((object.run_id.clone(), Vec::new()));
        }
        let Some((_, batches)) = runs.last_mut() else { continue };
        match batches.last_mut().filter(|b| b.objects.len() < batch_size.max(1)) {
            Some(batch) => batch.objects.push(object),
            None => batches.push(Batch { token: Uuid::new_v4(), objects: vec![object] }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_never_spans_two_runs() {
        let object = |run: &str, i: i64| Pending {
            object_id: i,
            path: format!("{run}/{i}"),
            etag: String::new(),
            size_bytes: 1,
            run_id: run.to_owned(),
            ingestion_date: None,
        };
        let pending = (0..5).map(|i| object("r1", i)).chain((5..7).map(|i| object("r2", i))).collect();
        let runs = group(pending, 2);
        let sizes: Vec<Vec<usize>> = runs.iter().map(|(_, b)| b.iter().map(|b| b.objects.len()).collect()).collect();
        assert_eq!(sizes, [vec![2, 2, 1], vec![2]]);
        assert_eq!(runs[1].0, "r2");
    }
}
