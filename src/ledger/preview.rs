//! The changes that a listing would make in the ledger, kept in memory: the plan of a dry run, which only
//! reads.
//!
//! The statements are those of a load, over relations that show `evo.objects` and the manifests as they would
//! be (`sql/ledger/preview_objects.sql`, `preview_manifests.sql`, `preview_listed.sql`), so that both come to
//! the same plan.

use chrono::{DateTime, NaiveDate, Utc};

use super::batches::{Grouping, OpenRun, open_run};
use super::listing::{Listed, ListingCounts};
use super::manifests::{Manifest, WaitingRun, waiting_run};
use super::objects::{Again, Selection, StateCount, standing};
use crate::error::Result;
use crate::ids::{BatchId, ObjectId};
use crate::pg::{Connection, Param};
use crate::sql::fill;

/// The changes that a listing would make.
#[derive(Debug)]
pub struct Preview {
    entity: String,
    selection: Selection,
    /// Objects that would be gone: replaced by another version, or set aside and no longer in the lake.
    gone: Vec<ObjectId>,
    /// Objects that would be pending: back after they were gone, or to be loaded again.
    waiting: Vec<ObjectId>,
    /// Objects of the ledger that are set aside and still in the lake.
    set_aside: Vec<ObjectId>,
    /// Planned batches that nobody has claimed: their objects would be grouped again.
    regrouped: Vec<BatchId>,
    /// Paths of which the listing shows a version that counts as the latest.
    latest: Vec<String>,
    added: Added,
    manifests: Vec<(String, Manifest)>,
}

/// Objects that the ledger does not know, column by column.
#[derive(Debug, Default)]
struct Added {
    paths: Vec<String>,
    sizes: Vec<i64>,
    runs: Vec<Option<String>>,
    dates: Vec<Option<NaiveDate>>,
}

impl Added {
    fn push(&mut self, object: &Listed) {
        self.paths.push(object.path.clone());
        self.sizes.push(object.size_bytes);
        self.runs.push(object.run_id.clone());
        self.dates.push(object.ingestion_date);
    }
}

impl Preview {
    /// A preview before anything is listed.
    pub fn new(entity: &str, selection: Selection) -> Self {
        Self {
            entity: entity.to_owned(),
            selection,
            gone: Vec::new(),
            waiting: Vec::new(),
            set_aside: Vec::new(),
            regrouped: Vec::new(),
            latest: Vec::new(),
            added: Added::default(),
            manifests: Vec::new(),
        }
    }

    /// Adds a page of a listing that began at `began`, as [`super::listing::record`] would record it.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn list(
        &mut self,
        connection: &Connection,
        listed: &[Listed],
        began: DateTime<Utc>,
    ) -> Result<ListingCounts> {
        let paths: Vec<&str> = listed.iter().map(|o| o.path.as_str()).collect();
        let etags: Vec<&str> = listed.iter().map(|o| o.etag.as_str()).collect();
        let sql = sql_file!("ledger/preview_listing.sql");
        let values: [&dyn Param; 5] = [&self.entity, &self.selection.lake, &paths, &etags, &began];
        let mut seen = ListingCounts::default();
        for row in connection.query(sql, &values).await? {
            let Some(object) = usize::try_from(row.get::<_, i64>(0) - 1).ok().and_then(|i| listed.get(i)) else {
                continue;
            };
            let (known, state, is_back) =
                (row.get::<_, Option<ObjectId>>(1), row.get::<_, Option<&str>>(2), row.get(3));
            self.gone.extend(row.get::<_, Vec<ObjectId>>(4));
            let waits_as = if object.run_id.is_none() { "quarantined" } else { "pending" };
            match (known, state) {
                (Some(id), Some(_)) if is_back => {
                    self.waiting.push(id);
                    self.latest.push(object.path.clone());
                    seen.count(waits_as, 1);
                }
                (Some(id), Some(state)) => {
                    if matches!(state, "quarantined" | "ignored") {
                        self.set_aside.push(id);
                    }
                    seen.count(state, 1);
                }
                _ => {
                    self.added.push(object);
                    self.latest.push(object.path.clone());
                    seen.count(if object.run_id.is_none() { "quarantined" } else { "new" }, 1);
                }
            }
        }
        Ok(seen)
    }

    /// Ends a complete listing: objects that were set aside and are no longer in the lake are gone.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn settle(&mut self, connection: &Connection, began: DateTime<Utc>) -> Result<()> {
        let sql = sql_file!("ledger/preview_settle.sql");
        let values: [&dyn Param; 4] = [&self.entity, &self.selection.lake, &began, &self.set_aside];
        let rows = connection.query(sql, &values).await?;
        self.gone.extend(rows.iter().map(|row| row.get::<_, ObjectId>(0)));
        Ok(())
    }

    /// Adds what the manifest of a run says.
    pub fn add_manifest(&mut self, run_id: &str, manifest: Manifest) {
        self.manifests.push((run_id.to_owned(), manifest));
    }

    /// The runs of the selection with objects that would wait, oldest first.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn waiting_runs(&self, connection: &Connection) -> Result<Vec<WaitingRun>> {
        let rows = self.query(connection, sql_file!("ledger/waiting_runs.sql"), &[]).await?;
        Ok(rows.iter().map(waiting_run).collect())
    }

    /// The runs that a plan would give, oldest first.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn plan(&mut self, connection: &Connection, grouping: &Grouping) -> Result<Vec<OpenRun>> {
        let (lake, run_id, since) = (&self.selection.lake, &self.selection.run_id, &self.selection.since);
        if self.selection.again == Again::All {
            let values: [&dyn Param; 6] = [&self.entity, lake, run_id, since, &self.gone, &self.latest];
            let rows = connection.query(sql_file!("ledger/preview_again.sql"), &values).await?;
            self.waiting.extend(rows.iter().map(|row| row.get::<_, ObjectId>(0)));
        }
        let values: [&dyn Param; 3] = [&self.entity, lake, run_id];
        let rows = connection.query(sql_file!("ledger/loose_batches.sql"), &values).await?;
        self.regrouped = rows.iter().map(|row| row.get(0)).collect();
        let Grouping { objects, left_alone, workers, object_ms } = grouping;
        let values: [&dyn Param; 5] = [objects, left_alone, &false, workers, object_ms];
        let sql = sql_file!("ledger/preview_batches.sql");
        let sql = fill(sql, &[("groups", &fill(sql_file!("ledger/group_objects.sql"), &[]))]);
        let rows = self.query(connection, &sql, &values).await?;
        Ok(rows.iter().map(open_run).collect())
    }

    /// How many objects would be in which state, inside and outside of the selection.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn outlook(&self, connection: &Connection) -> Result<Vec<StateCount>> {
        let rows = self.query(connection, sql_file!("ledger/outlook.sql"), &[]).await?;
        Ok(rows.iter().map(standing).collect())
    }

    /// Runs a statement over the ledger as it would be. Its parameters are entity, lake, run and date of the
    /// selection ($1 to $4), then up to five of its own; those of the preview begin at $10.
    async fn query(&self, connection: &Connection, template: &str, own: &[&dyn Param]) -> Result<Vec<crate::pg::Row>> {
        let Selection { lake, run_id, since, .. } = &self.selection;
        let objects = fill(sql_file!("ledger/preview_objects.sql"), &[]);
        let manifests = fill(sql_file!("ledger/preview_manifests.sql"), &[]);
        let listed = fill(sql_file!("ledger/preview_listed.sql"), &[]);
        let sql = fill(template, &[("objects", &objects), ("manifests", &manifests), ("listed", &listed)]);
        let unused: Option<i64> = None;
        let mut values: Vec<&dyn Param> = vec![&self.entity, lake, run_id, since];
        values.extend(own);
        values.resize(9, &unused);
        let Added { paths, sizes, runs, dates } = &self.added;
        values.extend([&self.gone as &dyn Param, &self.waiting, &self.regrouped, paths, sizes, runs, dates]);
        let column = |f: fn(&Manifest) -> Option<i64>| self.manifests.iter().map(|(_, m)| f(m)).collect::<Vec<_>>();
        let (records, parts, errors) = (column(|m| m.records), column(|m| m.parts), column(|m| m.errors));
        let manifest_runs: Vec<&str> = self.manifests.iter().map(|(run_id, _)| run_id.as_str()).collect();
        let manifest_dates: Vec<Option<NaiveDate>> = self.manifests.iter().map(|(_, m)| m.ingestion_date).collect();
        let (mut listed_runs, mut listed_paths) = (Vec::new(), Vec::new());
        for (run_id, manifest) in &self.manifests {
            listed_runs.extend(manifest.listed.iter().map(|_| run_id.as_str()));
            listed_paths.extend(manifest.listed.iter().map(|object| object.path.as_str()));
        }
        values.extend([&manifest_runs as &dyn Param, &manifest_dates, &records, &parts, &errors]);
        values.extend([&listed_runs as &dyn Param, &listed_paths]);
        connection.query(&sql, &values).await
    }
}
