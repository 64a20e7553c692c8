//! The lake's listing against the objects that were loaded.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use super::job::VerifyJob;
use super::mismatch::{Mismatch, MismatchKind, Mismatches, Place};
use crate::bronze::Page;
use crate::error::{Error, Kind, Result};
use crate::ids::ObjectId;
use crate::ledger::{listing, staging};
use crate::meter::Unit;
use crate::pg::Param;

/// A set of object ids: a bit each. The ledger draws them one after the other.
#[derive(Debug, Default)]
struct IdSet(Vec<u64>);

impl IdSet {
    fn insert(&mut self, id: ObjectId) {
        let (word, bit) = Self::place(id);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    fn contains(&self, id: ObjectId) -> bool {
        let (word, bit) = Self::place(id);
        self.0.get(word).is_some_and(|w| w & bit != 0)
    }

    fn place(id: ObjectId) -> (usize, u64) {
        let n = id.0.unsigned_abs();
        ((n / 64) as usize, 1 << (n % 64))
    }
}

/// Lists the entity's prefix and finds the loaded objects that the lake holds in another version, or not at
/// all. Returns how many objects are listed. Needs memory for a page and a bit for each object of the ledger.
///
/// An object is not called gone if a folder of the lake could not be read.
///
/// # Errors
/// `SourceInvalid` when the lake holds no object of the entity although some were loaded: it is more likely
/// the wrong one than an empty one. `Config` for a staging table that evo cannot read. As
/// [`Lake::list_pages`](crate::bronze::Lake::list_pages); see [`crate::pg`].
pub async fn compare_listing(job: &VerifyJob, found: &mut Mismatches) -> Result<u64> {
    let phase = job.meter.phase(format!("{}: listing the lake", job.entity.name), 0, Unit::Things("objects"));
    let ask = async || {
        let connection = job.pool.get().await?;
        staging::require_fitting(&*connection, std::slice::from_ref(&job.entity)).await?;
        listing::now(&*connection).await
    };
    let began = job.pool.retry("checking the staging table", ask).await?;
    let mut pages = job.lake.list_pages(&job.entity.bronze_prefix, &job.entity.input.suffixes);
    let (mut seen, mut listed, mut is_complete) = (IdSet::default(), 0, true);
    while let Some(page) = pages.try_next().await? {
        is_complete &= page.unreadable.is_empty();
        listed += page.objects.len() as u64;
        phase.add(page.objects.len() as u64);
        compare_page(job, &page, began, (&mut seen, found)).await?;
    }
    if is_complete {
        find_gone(job, began, listed, (&seen, found)).await?;
    } else {
        tracing::warn!(entity = job.entity.name, "a part of the lake cannot be read: what is gone is not known");
    }
    Ok(listed)
}

async fn compare_page(
    job: &VerifyJob,
    page: &Page,
    began: DateTime<Utc>,
    (seen, found): (&mut IdSet, &mut Mismatches),
) -> Result<()> {
    let paths: Vec<&str> = page.objects.iter().map(|o| o.path.as_str()).collect();
    let etags: Vec<&str> = page.objects.iter().map(|o| o.etag.as_str()).collect();
    let sizes: Vec<i64> = page.objects.iter().map(|o| i64::try_from(o.size_bytes).unwrap_or(i64::MAX)).collect();
    let ask = async || {
        let values: [&dyn Param; 6] = [&job.entity.name, &job.lake_id, &paths, &etags, &sizes, &began];
        job.pool.get().await?.query(sql_file!("verify/listed.sql"), &values).await
    };
    for row in job.pool.retry("comparing the listing", ask).await? {
        seen.insert(row.get(0));
        if row.get::<_, bool>(2) {
            continue;
        }
        let place = Place { ingestion_date: row.get(5), run_id: row.get(6), path: row.get(1), line: 0 };
        let (was, is): (i64, i64) = (row.get(3), row.get(4));
        let what = match is.cmp(&was) {
            std::cmp::Ordering::Greater => "grown",
            std::cmp::Ordering::Less => "smaller",
            std::cmp::Ordering::Equal => "of the same size",
        };
        let detail = format!("{was} bytes were loaded, {is} are there: {what}");
        found.add(Mismatch::of_object(MismatchKind::ObjectReplaced, place, detail));
    }
    Ok(())
}

async fn find_gone(
    job: &VerifyJob,
    began: DateTime<Utc>,
    listed: u64,
    (seen, found): (&IdSet, &mut Mismatches),
) -> Result<()> {
    let mut connection = job.pool.get().await?;
    let tx = connection.begin().await?;
    let mut rows = tx.rows(sql_file!("verify/loaded.sql"), &[&job.entity.name, &job.lake_id, &began]).await?;
    while let Some(row) = rows.next().await? {
        if listed == 0 {
            return Err(empty_lake(job));
        }
        if !seen.contains(row.get(0)) {
            let place = Place { ingestion_date: row.get(2), run_id: row.get(3), path: row.get(1), line: 0 };
            found.add(Mismatch::of_object(MismatchKind::ObjectGone, place, String::new()));
        }
    }
    drop(rows);
    tx.rollback().await
}

fn empty_lake(job: &VerifyJob) -> Error {
    let (entity, lake) = (&job.entity.name, job.lake.shown());
    Error::new(Kind::SourceInvalid, format!("the lake {lake} holds no object of {entity}, of which some were loaded"))
        .hint("check --lake: it may be another folder or container, or one that is not mounted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_in_the_set_exactly_when_it_was_added() {
        let mut set = IdSet::default();
        for id in [1, 63, 64, 1_000] {
            set.insert(ObjectId(id));
        }
        let found: Vec<i64> = (0..2_000).filter(|id| set.contains(ObjectId(*id))).collect();
        assert_eq!(found, [1, 63, 64, 1_000]);
    }
}
