//! What the database knows: its catalog, the ledger, the statistics. A fixed number of queries, however many
//! tables, entities and executions there are.

mod days;
mod ledger;
mod read;
mod relations;
mod shards;

pub(super) use days::DayVolume;
pub(super) use ledger::{RunBatch, RunFigures};
pub(super) use read::{SiteFacts, columns};
pub(super) use relations::{ColumnFact, Reader, Relation};
