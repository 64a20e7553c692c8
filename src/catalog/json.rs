//! `catalog.json`: everything that the pages show, for programs. `assets/catalog.schema.json` describes it.

use serde_json::{Value, json};

use super::declared::{ColumnOrigin, TableRole};
use super::facts::{ColumnFact, DayVolume};
use super::folder::SiteFile;
use super::pages::{Attention, Site, TableSubject};
use super::paths::SitePath;
use crate::entity::Entity;
use crate::error::Result;
use crate::ledger::history::PastExecution;
use crate::storage::Bloat;

/// Grows when a field is removed or means something else.
const VERSION: u32 = 1;

/// The document that is being written: objects with lists, one entry after the other.
#[derive(Debug)]
pub(super) struct CatalogJson {
    file: SiteFile,
    has_list: bool,
    is_first: bool,
}

impl CatalogJson {
    /// Begins the document.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn begin(mut file: SiteFile) -> Result<Self> {
        file.add(&format!("{{\n\"$schema\": \"catalog.schema.json\",\n\"json_version\": {VERSION}"))?;
        Ok(Self { file, has_list: false, is_first: true })
    }

    /// Begins a list; it goes on to the next list or the end.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn list(&mut self, name: &'static str) -> Result<()> {
        let end = if std::mem::replace(&mut self.has_list, true) { "\n]" } else { "" };
        self.is_first = true;
        self.file.add(&format!("{end},\n\"{name}\": ["))
    }

    /// Adds an entry to the list.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn add(&mut self, value: &Value) -> Result<()> {
        let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
        self.file.add(&format!("{comma}\n{value}"))
    }

    /// Ends the document.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn end(mut self) -> Result<SiteFile> {
        self.file.add("\n]\n}\n")?;
        Ok(self.file)
    }
}

/// An entity.
pub(super) fn entity(site: Site<'_>, entity: &Entity) -> Value {
    let state = site.facts.entities.get(&entity.name).cloned().unwrap_or_default();
    let days = site.facts.days.get(&entity.name).map(Vec::as_slice).unwrap_or_default();
    let models: Vec<&String> = entity.models.iter().map(|model| &model.table).collect();
    json!({
        "entity": entity.name, "page": SitePath::entity(&entity.name).as_str(), "bronze_prefix": entity.bronze_prefix,
        "key": entity.key.fields(), "zone": entity.zone, "staging": entity.staging.table, "tables": models,
        "loaded_at": state.loaded_at, "newest_run": state.newest_run, "objects_loaded": state.loaded,
        "objects_pending": state.pending, "objects_quarantined": state.quarantined,
        "rejects_open": state.rejects_open, "batches_to_transform": state.waiting, "issues": state.issues,
        "fields": site.facts.fields.get(&entity.name).into_iter().flatten()
            .map(|(path, types)| json!({ "path": path, "types": types.split(", ").collect::<Vec<_>>() }))
            .collect::<Vec<_>>(),
        "days": days.iter().map(day).collect::<Vec<_>>(),
        "reasons": site.facts.reasons.get(&entity.name).into_iter().flatten()
            .map(|reason| json!({
                "kind": if reason.is_reject { "reject" } else { "issue" }, "table": reason.table,
                "column": reason.column, "reason": reason.reason, "count": reason.count, "open": reason.open,
            }))
            .collect::<Vec<_>>(),
        "windows": site.facts.windows.get(&entity.name).into_iter().flatten()
            .map(|window| json!({
                "query": window.query, "from": window.from, "until": window.until, "state": window.state,
                "records": window.records, "requests": window.requests, "attempts": window.attempts,
                "finished_at": window.finished_at,
            }))
            .collect::<Vec<_>>(),
    })
}

fn day(day: &DayVolume) -> Value {
    json!({
        "day": day.day, "batches": day.batches, "lines": day.lines, "inserted": day.inserted, "updated": day.updated,
        "unchanged": day.unchanged, "superseded": day.superseded, "rejected": day.rejected, "bytes": day.bytes,
        "lines_per_s": day.lines_per_s(), "batch_p50_ms": day.taken_ms[0], "batch_p95_ms": day.taken_ms[1],
        "batch_p99_ms": day.taken_ms[2], "waited_h": day.waited_h,
    })
}

/// A table or view.
pub(super) fn table(site: Site<'_>, subject: TableSubject<'_>, origins: &[ColumnOrigin]) -> Value {
    let relation = subject.relation;
    let name = relation.full_name();
    let storage = site.facts.tables.get(&relation.quoted);
    let bloat = |bloat: Option<Bloat>| bloat.map(|b| json!({ "bytes": b.bytes, "is_measured": b.is_measured }));
    let (filled_by, key) = match site.declared.role(&name) {
        Some(TableRole::Staging(entity)) => (Some(&entity.name), entity.staging_key()),
        Some(TableRole::Core(entity, model)) => (Some(&entity.name), model.key.iter().map(String::as_str).collect()),
        Some(TableRole::Dimension(dimension)) => (Some(&dimension.name), vec![dimension.key.as_str()]),
        None => (None, Vec::new()),
    };
    let readers = site.facts.readers.get(&relation.oid).map(Vec::as_slice).unwrap_or_default();
    json!({
        "schema": relation.schema, "table": relation.name, "kind": relation.kind_word(),
        "page": SitePath::table(&relation.schema, &relation.name).as_str(), "description": relation.comment,
        "filled_by": filled_by, "key": key, "rows_estimate": relation.rows, "partitions": relation.partitions,
        "transformed_at": site.facts.models.get(&name).and_then(|model| model.transformed_at()),
        "heap_bytes": storage.map(|s| s.heap_bytes), "toast_bytes": storage.map(|s| s.toast_bytes),
        "index_bytes": storage.map(|s| s.index_bytes), "bloat": storage.and_then(|s| bloat(s.bloat)),
        "columns": subject.columns.iter().zip(origins)
            .map(|(column, origin)| self::column(site, (&name, relation.rows), column, origin))
            .collect::<Vec<_>>(),
        "indexes": site.facts.indexes.get(&relation.oid).into_iter().flatten()
            .map(|index| json!({
                "name": index.name, "kind": index.kind, "definition": index.definition, "is_valid": index.is_valid,
            }))
            .collect::<Vec<_>>(),
        "read_by": readers.iter()
            .map(|reader| json!({
                "schema": reader.schema, "name": reader.name, "kind": reader.kind, "column": reader.column,
            }))
            .collect::<Vec<_>>(),
    })
}

fn column(site: Site<'_>, (table, rows): (&str, Option<i64>), column: &ColumnFact, origin: &ColumnOrigin) -> Value {
    let dimensions: Vec<&String> = site.declared.readers(table, &column.name).map(|d| &d.name).collect();
    json!({
        "column": column.name, "type": column.data_type, "is_not_null": column.is_not_null,
        "description": column.comment, "json_paths": origin.paths, "casts": origin.casts,
        "from_columns": origin.columns.iter().map(|(table, column)| json!({ "table": table, "column": column }))
            .collect::<Vec<_>>(),
        "dimensions": dimensions, "filled_estimate": column.filled, "distinct_estimate": column.distinct_count(rows),
        "average_bytes": column.average_bytes,
    })
}

/// An execution.
pub(super) fn run(run: &PastExecution) -> Value {
    json!({
        "execution_id": run.execution_id, "page": SitePath::run(&run.execution_id).as_str(), "command": run.command,
        "entities": run.entities, "state": run.state, "started_at": run.started_at, "finished_at": run.finished_at,
        "elapsed_s": run.elapsed_s, "rows_count": run.rows_count, "written_count": run.written_count,
        "rejected_count": run.rejected_count, "bytes": run.bytes, "rows_per_s": run.rows_per_s,
        "retries_count": run.retries_count, "commit_p50_ms": run.commit_p50_ms, "commit_p95_ms": run.commit_p95_ms,
        "commit_p99_ms": run.commit_p99_ms, "reason": run.reason,
    })
}

/// Something that needs attention.
pub(super) fn attention(item: &Attention) -> Value {
    json!({ "what": item.what, "why": item.why, "command": item.command, "page": item.page.as_str() })
}
