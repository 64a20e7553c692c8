//! Reading all of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::days::{self, DayVolume, Reason, WindowFact};
use super::ledger::{self, EntityState, ModelState, RunFigures, RunResult};
use super::relations::{self, ColumnFact, IndexFact, Reader, Relation};
use super::shards::{self, ShardColumns};
use crate::error::Result;
use crate::ledger::history::{self, HistoryFilter, PastExecution};
use crate::pg::{Connection, RowStream, Transaction};
use crate::storage::{self, Depth, IndexStorage, TableStorage};

/// Executions that have a page: the latest.
const RUNS: i64 = 200;

/// Everything but the columns, which are read as a stream: there may be hundreds of thousands.
#[derive(Debug, Default)]
pub(in crate::catalog) struct SiteFacts {
    /// By schema and name.
    pub(in crate::catalog) relations: Vec<Relation>,
    /// Their qualified names, not quoted.
    pub(in crate::catalog) names: HashSet<String>,
    /// By the oid of their table.
    pub(in crate::catalog) indexes: HashMap<i64, Vec<IndexFact>>,
    /// By the oid of what they read.
    pub(in crate::catalog) readers: HashMap<i64, Vec<Reader>>,
    /// By the quoted name of the table.
    pub(in crate::catalog) tables: HashMap<String, TableStorage>,
    /// Of distributed tables.
    pub(in crate::catalog) shard_columns: ShardColumns,
    /// By their quoted name.
    pub(in crate::catalog) index_storage: HashMap<String, IndexStorage>,
    pub(in crate::catalog) entities: BTreeMap<String, EntityState>,
    pub(in crate::catalog) models: BTreeMap<String, ModelState>,
    pub(in crate::catalog) days: BTreeMap<String, Vec<DayVolume>>,
    pub(in crate::catalog) reasons: BTreeMap<String, Vec<Reason>>,
    pub(in crate::catalog) windows: BTreeMap<String, Vec<WindowFact>>,
    pub(in crate::catalog) fields: BTreeMap<String, Vec<(String, String)>>,
    /// The newest first.
    pub(in crate::catalog) runs: Vec<PastExecution>,
    pub(in crate::catalog) figures: HashMap<String, RunFigures>,
    /// Checks of a table and its bloat, each with its execution's place in [`SiteFacts::runs`]; the newest
    /// first.
    pub(in crate::catalog) results: HashMap<String, Vec<(usize, RunResult)>>,
}

impl SiteFacts {
    /// Reads everything; without `measures` neither sizes nor bloat.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(in crate::catalog) async fn read(
        connection: &Connection,
        (schemas, declared): (&[String], &[String]),
        measures: bool,
    ) -> Result<Self> {
        let mut facts = Self {
            relations: relations::relations(connection, schemas, declared).await?,
            entities: ledger::entities(connection).await?,
            models: ledger::models(connection).await?,
            days: days::days(connection).await?,
            reasons: days::reasons(connection).await?,
            windows: days::windows(connection).await?,
            fields: ledger::fields(connection).await?,
            runs: history::list(connection, &HistoryFilter { limit: RUNS, ..HistoryFilter::default() }).await?,
            ..Self::default()
        };
        facts.figures = ledger::figures(connection, &facts.runs).await?;
        facts.results = results(&facts.runs, &facts.figures);
        facts.names = facts.relations.iter().map(Relation::full_name).collect();
        let oids = facts.oids();
        facts.readers = relations::readers(connection, &oids).await?;
        facts.indexes = relations::indexes(connection, &oids).await?;
        match measures {
            true => facts.measure(connection).await?,
            false => shards::forget_rows(connection, &mut facts.relations).await?,
        }
        Ok(facts)
    }

    /// The oids of all tables and views, in their order.
    pub(in crate::catalog) fn oids(&self) -> Vec<i64> {
        self.relations.iter().map(|relation| relation.oid).collect()
    }

    async fn measure(&mut self, connection: &Connection) -> Result<()> {
        let tables = self.relations.iter().filter(|relation| relation.is_table());
        let names: Vec<String> = tables.map(|relation| relation.quoted.clone()).collect();
        let mut report = storage::analyze(connection, &names).await?;
        storage::gauge(connection, &mut report, Depth::Estimate).await?;
        self.shard_columns = ShardColumns::read(connection, &report).await?;
        self.tables = report.by_parent().into_iter().map(|table| (table.name.clone(), table)).collect();
        for relation in &mut self.relations {
            let table = self.tables.get(&relation.quoted).filter(|table| table.is_distributed);
            relation.rows = table.map_or(relation.rows, |table| i64::try_from(table.live_tuples).ok());
        }
        self.index_storage = report.indexes.into_iter().map(|index| (index.name.clone(), index)).collect();
        Ok(())
    }
}

/// Checks and bloat by the table that they are about.
fn results(runs: &[PastExecution], figures: &HashMap<String, RunFigures>) -> HashMap<String, Vec<(usize, RunResult)>> {
    let mut found: HashMap<String, Vec<(usize, RunResult)>> = HashMap::new();
    for (i, run) in runs.iter().enumerate() {
        for result in figures.get(&run.execution_id).into_iter().flat_map(|figures| &figures.results) {
            let table = if result.kind == "bloat" { Some(&result.name) } else { result.on.as_ref() };
            if let Some(table) = table {
                found.entry(table.clone()).or_default().push((i, result.clone()));
            }
        }
    }
    found
}

/// The columns of all tables and views, in the order of [`SiteFacts::relations`].
pub(in crate::catalog) struct Columns {
    rows: RowStream,
    next: Option<(i64, ColumnFact)>,
}

/// Begins to read the columns; without `statistics` only their names, types and comments.
///
/// # Errors
/// See [`crate::pg`].
pub(in crate::catalog) async fn columns(tx: &Transaction<'_>, oids: &[i64], statistics: bool) -> Result<Columns> {
    let mut rows = tx.rows(sql_file!("catalog/columns.sql"), &[&oids.to_vec(), &statistics]).await?;
    let next = rows.next().await?.map(|row| ColumnFact::read(&row));
    Ok(Columns { rows, next })
}

impl Columns {
    /// The columns of the next table. Tables are asked for in their order; one that was dropped has none.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(in crate::catalog) async fn of(&mut self, oid: i64) -> Result<Vec<ColumnFact>> {
        let mut found = Vec::new();
        while let Some((_, column)) = self.next.take_if(|(of, _)| *of == oid) {
            found.push(column);
            self.next = self.rows.next().await?.map(|row| ColumnFact::read(&row));
        }
        Ok(found)
    }
}
