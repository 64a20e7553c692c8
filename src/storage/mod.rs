//! `evo optimize-storage`: what the warehouse's storage looks like, and VACUUM and REINDEX that block nobody.
//!
//! VACUUM and REINDEX CONCURRENTLY run outside of a transaction, a table or index at a time, so an interruption loses
//! one step at most. A canceled REINDEX CONCURRENTLY leaves an INVALID index that costs every write: it is dropped at
//! the end of the same execution, or at the beginning of the next.

mod analyze;
mod bloat;
mod maintain;

pub use analyze::{Index, Report, Table, analyze, ledger_tables};
pub use bloat::{Bloat, Depth, gauge};
pub use maintain::{Action, End, Step, Upkeep};
