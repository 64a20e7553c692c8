//! `_manifest.json`, written last and once: what the run holds, object by object, and what it lacks.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::job::ExtractJob;
use super::window::Days;
use crate::error::Result;
use crate::ledger::extractions::{self, Extraction, Finished};

impl ExtractJob {
    /// Ends the extraction if all of its windows are finished and nobody has ended it.
    ///
    /// # Errors
    /// As the lake and the server say; the extraction is then still open.
    pub(super) async fn end(&self) -> Result<()> {
        let id = self.extraction.extraction_id;
        let mut connection = self.pool.get().await?;
        let tx = connection.begin().await?;
        let Some(seconds) = extractions::lock(&tx, id).await? else {
            tx.rollback().await?;
            return Ok(());
        };
        let windows = extractions::finished(&tx, id).await?;
        let path = format!("{}/_manifest.json", self.folder());
        let text = serde_json::to_vec_pretty(&text(&self.entity.name, &self.extraction, &windows, seconds));
        let text = text.unwrap_or_default();
        // One that is there is of a process that could not note it.
        self.lake.replace(&path, text.into()).await?;
        failpoint!("extract.after_manifest");
        let since = self.entity.queries.iter().filter(|query| query.since.is_some());
        let since: Vec<String> = since.map(|query| query.name.clone()).collect();
        extractions::end(&tx, id, &path, &windows, &since).await?;
        tx.commit().await?;
        self.lake.remove_temporary(&self.folder());
        Ok(())
    }
}

/// The fields that the predecessor's manifests have, and the objects.
fn text(entity: &str, extraction: &Extraction, windows: &[Finished], seconds: f64) -> Value {
    let objects: Vec<&Value> = windows.iter().filter_map(|w| w.objects.as_array()).flatten().collect();
    let records: i64 = windows.iter().map(|w| w.records).sum();
    let errors = windows.iter().filter(|w| !w.is_complete).count();
    json!({
        "entity": entity,
        "mode": "windows",
        "run_id": extraction.run_id,
        "start_date": extraction.from_day,
        "end_date": last(extraction.until_day),
        "total_records": records,
        "total_parts": objects.len(),
        "total_elapsed_seconds": (seconds * 10.0).round() / 10.0,
        "periods": windows.len(),
        "errors": errors,
        "results": windows.iter().map(result).collect::<Vec<_>>(),
        "objects": objects,
    })
}

fn last(until: NaiveDate) -> NaiveDate {
    until.pred_opt().unwrap_or(until)
}

fn result(window: &Finished) -> Value {
    let days = Days { from: window.from_day, until: window.until_day };
    let mut result = json!({
        "period": format!("{} - {}", days.from, last(days.until)),
        "query": window.query,
        "state": if window.is_complete { "complete" } else { "failed" },
        "records": window.records,
        "parts": window.objects.as_array().map_or(0, Vec::len),
        "pages": window.pages,
    });
    if let Some(reason) = &window.reason {
        result["error"] = reason.as_str().into();
    }
    if window.is_hole {
        result["failed_before"] = true.into();
    }
    result
}
