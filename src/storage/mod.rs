//! `evo optimize-storage`: the state of the warehouse's storage, and VACUUM and REINDEX that block nobody.
//!
//! VACUUM and REINDEX CONCURRENTLY run outside a transaction, one table or index at a time, so an
//! interruption loses one step at most. A canceled REINDEX CONCURRENTLY leaves an INVALID index that slows
//! down every write: it is dropped at the end of the same execution, or at the beginning of the next one.

mod analyze;
mod bloat;
mod gauge;
mod maintain;
mod report;
mod spread;

pub use analyze::{analyze, ledger_tables};
pub use bloat::Bloat;
pub use gauge::{Depth, gauge};
pub use maintain::{Maintenance, MaintenanceAction, MaintenanceStep, StepOutcome};
pub use report::{IndexStorage, Spread, StorageReport, TableStorage};
