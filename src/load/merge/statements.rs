//! The statements of a merge, filled in for one entity and one way of staging.

use super::key::KeyExpressions;
use crate::citus::Layout;
use crate::entity::Entity;
use crate::sql::{fill, qualified};
use crate::stage::{DocumentType, StageAs, frame};

/// A session that is silent for this long in the middle of a merge belongs to a process that is stalled or
/// cut off. It must not keep the turn. COPY, which waits for the lake, does not count as idle.
pub(in crate::load) const IDLE_LIMIT: &str = "set local idle_in_transaction_session_timeout = '60s'";

/// Fills the templates of `sql/load/`.
#[derive(Debug)]
pub(in crate::load) struct Statements {
    stage_as: StageAs,
    document_type: DocumentType,
    layout: Layout,
    compression: &'static str,
    /// Names of the temporary tables of lines and verdicts.
    stage: String,
    verdict: String,
    /// Where the rows of `target` are that the verdicts compare with: `target` itself, or what was fetched of
    /// it.
    known: Option<String>,
    target: String,
    key: KeyExpressions,
}

impl Statements {
    /// Statements for an entity whose tables are where `layout` says; `compression` is the column clause of
    /// its documents.
    pub(in crate::load) fn new(
        entity: &Entity,
        stage_as: StageAs,
        (layout, compression): (Layout, &'static str),
    ) -> Self {
        let key = KeyExpressions::of(entity);
        let suffix = key.id_type.suffix();
        // The servers that have the shards parse what is written there.
        let document_type = match stage_as == StageAs::Text || layout.is_distributed() {
            true => DocumentType::Text,
            false => DocumentType::Jsonb,
        };
        Self {
            stage_as,
            document_type,
            layout,
            compression,
            stage: format!("evo_stage_{}{suffix}", document_type.sql()),
            verdict: format!("evo_verdict{suffix}"),
            known: layout.is_distributed().then(|| format!("evo_known{suffix}")),
            target: qualified(&entity.staging.table),
            key,
        }
    }

    pub(super) fn stage_as(&self) -> StageAs {
        self.stage_as
    }

    /// The type of documents in the temporary tables.
    pub(in crate::load) fn document_type(&self) -> DocumentType {
        self.document_type
    }

    /// Whether changed rows are written where the shards are. Where each document is checked by itself, this
    /// server writes them.
    pub(super) fn writes_on_shards(&self) -> bool {
        self.layout.is_distributed() && self.stage_as != StageAs::Text
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether there is more than one lane.
    pub(super) fn has_lanes(&self) -> bool {
        self.key.lane.is_some()
    }

    /// Makes the temporary tables that the session lacks.
    pub(in crate::load) fn stage_tables(&self) -> String {
        let placeholders = [
            ("stage", self.stage.as_str()),
            ("verdict", self.verdict.as_str()),
            ("key_column", self.key.id_type.column()),
            ("mode", self.document_type.sql()),
            ("compression", self.compression),
        ];
        let tables = fill(sql_file!("load/stage_tables.sql"), &placeholders);
        match &self.known {
            None => format!("{IDLE_LIMIT};\n{tables}"),
            Some(known) => {
                let placeholders = [("known", known.as_str()), ("key_column", self.key.id_type.column())];
                format!("{IDLE_LIMIT};\n{tables};\n{}", fill(sql_file!("load/known_table.sql"), &placeholders))
            }
        }
    }

    /// The statement that fetches what a distributed staging table holds of the batch's keys.
    pub(super) fn fetch_known(&self) -> Option<String> {
        let known = self.known.as_ref()?;
        Some(self.fill(&fill(sql_file!("load/known.sql"), &[("known", known)])))
    }

    /// The statement that fetches the rows of older runs, as arrays.
    pub(super) fn known_rows(&self) -> String {
        if self.layout.is_distributed() {
            return self.fill_with_known_rows(sql_file!("load/known_rows_on_shards.sql"));
        }
        let arrays = self.fill_with_known_rows(sql_file!("load/known_rows.sql"));
        fill(sql_file!("load/known_rows_in_slices.sql"), &[("known_rows", arrays.trim_end())])
    }

    /// The statement that counts them.
    pub(super) fn count_known_rows(&self) -> String {
        self.fill_with_known_rows(sql_file!("load/count_known_rows.sql"))
    }

    /// The COPY of the first pass.
    pub(in crate::load) fn copy_lines(&self) -> String {
        format!("copy {} ({}) from stdin (format binary)", self.stage, frame::COLUMNS)
    }

    /// The COPY of the second pass.
    pub(super) fn copy_documents(&self) -> String {
        format!("copy {} ({}) from stdin (format binary)", self.documents(), frame::DOCUMENT_COLUMNS)
    }

    /// A template of `sql/load/` with tables and key filled in.
    pub(in crate::load) fn fill(&self, template: &str) -> String {
        self.fill_with_age(template, "")
    }

    /// The verdicts: the staged row is compared with the object that brings its key.
    pub(super) fn verdicts(&self) -> String {
        let age = age("t", "($2::text[])[w.object_no + 1]", "($3::date[])[w.object_no + 1]", "$1");
        let verdicts = sql_file!("load/verdicts.sql");
        match &self.known {
            None => self.fill_with_age(verdicts, &age),
            Some(known) => {
                let placeholders = [("target", known.as_str()), ("match", "t.key = w.key and t.event_at = w.event_at")];
                self.fill_with_age(&fill(verdicts, &placeholders), &age)
            }
        }
    }

    /// The upsert: the staged row is compared with the row that is about to replace it.
    pub(super) fn upsert(&self) -> String {
        self.upsert_of("")
    }

    /// The upsert of the rows whose verdicts are at the positions `$7`, texts.
    pub(super) fn upsert_part(&self) -> String {
        self.upsert_of(" and ctid = any ($7::text[]::tid[])")
    }

    /// The upsert of the rows that are new.
    pub(super) fn upsert_new(&self) -> String {
        self.upsert_of(" and verdict = 'new'")
    }

    /// The update of a part `$7` of the changed rows, where the shards are.
    pub(super) fn update_changed(&self) -> String {
        let age = age("t", "c._source_file", "c.ingestion_date", "c.run_id");
        self.fill_with_age(sql_file!("load/update_changed.sql"), &age)
    }

    fn upsert_of(&self, and_part: &str) -> String {
        let age = age("t", "excluded._source_file", "excluded.ingestion_date", "excluded.run_id");
        let template = fill(sql_file!("load/upsert.sql"), &[("and_part", and_part)]);
        self.fill_with_age(&template, &age)
    }

    /// The table of the documents of the second pass.
    fn documents(&self) -> String {
        format!("evo_document_{}", self.document_type.sql())
    }

    fn fill_with_known_rows(&self, template: &str) -> String {
        let which = fill(sql_file!("load/is_known_row.sql"), &[]);
        self.fill(&fill(template, &[("is_known_row", which.trim_end())]))
    }

    fn fill_with_age(&self, template: &str, age: &str) -> String {
        let (documents, stage_row) = match self.stage_as {
            StageAs::Keys => (self.documents(), "null::tid"),
            _ => (self.stage.clone(), "s.ctid"),
        };
        fill(
            template,
            &[
                ("stage", &self.stage),
                ("verdict", &self.verdict),
                ("key_type", self.key.id_type.sql()),
                ("stage_row", stage_row),
                ("documents", &documents),
                ("target", &self.target),
                ("age", age),
                ("event", &self.key.event),
                ("key", &self.key.id),
                ("time", &self.key.row_time),
                ("times", &self.key.row_times),
                ("sent", &self.key.sent),
                ("seen_key", &self.key.seen_key),
                ("seen_place", &self.key.seen_place),
                ("lane", self.key.lane.as_deref().unwrap_or("0")),
                ("match", &self.key.matching("t", "w")),
                ("candidate_match", &self.key.matching("t", "c")),
                ("key_columns", &self.key.columns),
                ("key_values", self.key.values),
                ("returning", &self.key.returning),
                ("written_match", &self.key.matching("w", "c")),
            ],
        )
    }
}

/// The age of a staged row against the object that brings its key; `$4` and `$5` are the runs around the
/// batch's.
fn age(row: &str, path: &str, date: &str, run: &str) -> String {
    let placeholders = [("row", row), ("path", path), ("date", date), ("run", run), ("newer", "$4"), ("older", "$5")];
    fill(sql_file!("load/age.sql"), &placeholders)
}
