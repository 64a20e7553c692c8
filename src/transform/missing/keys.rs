//! A row of staging in SQL: its key, what stands for it in sets of seen keys, its age.

use crate::entity::Entity;
use crate::ledger::followed::RunPlace;
use crate::sql::{fill, ident, literal, qualified};
use crate::stage::seen_key_sql;

/// Expressions over a row `t` of an entity's staging table.
#[derive(Debug)]
pub(super) struct StagedKey {
    table: String,
    key: String,
    time: String,
    seen_key: String,
}

impl StagedKey {
    pub(super) fn of(entity: &Entity) -> Self {
        let key = format!("t.{}::{}", ident(&entity.staging.key_column), entity.key_type().sql());
        let time = entity.key_time().map(|time| format!("t.{}", ident(time.column)));
        Self {
            table: qualified(&entity.staging.table),
            seen_key: seen_key_sql(entity.key_type(), &key, time.as_deref()),
            time: time.unwrap_or_else(|| "null::timestamptz".to_owned()),
            key,
        }
    }

    /// The staging table, quoted.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// A statement of `sql/transform/missing/`. `within` is a condition on rows, `is_older` says of one
    /// whether its content came before the run that is compared.
    pub(super) fn fill(&self, template: &str, within: &str, is_older: &str) -> String {
        fill(
            template,
            &[
                ("table", &self.table),
                ("key", &self.key),
                ("time", &self.time),
                ("seen_key", &self.seen_key),
                ("within", within),
                ("is_older", is_older),
            ],
        )
    }
}

/// The condition on a row `t` that its present content came with a run before this one; `older` are the runs
/// of the same date that are. Ids that nobody has loaded count as newer.
pub(super) fn is_older(run: &RunPlace, older: &[String]) -> String {
    let date =
        run.ingestion_date.map_or("null::date".to_owned(), |date| format!("{}::date", literal(&date.to_string())));
    let ids: Vec<String> = older.iter().map(|id| literal(id)).collect();
    format!(
        "coalesce(coalesce(t.ingestion_date, '-infinity') < coalesce({date}, '-infinity') or t.ingestion_date is not \
         distinct from {date} and t.run_id = any(array[{}]::text[]), false)",
        ids.join(", ")
    )
}
