//! `evo optimize-storage`: what the warehouse's storage looks like, and VACUUM and REINDEX that block nobody.
//!
//! VACUUM and REINDEX CONCURRENTLY run outside of a transaction, a table or index at a time, so an interruption loses
//! one step at most. A canceled REINDEX CONCURRENTLY leaves an INVALID index that costs every write: the next
//! `--reindex` drops it first.

mod analyze;
mod maintain;

pub use analyze::{Index, Report, Table, analyze};
pub use maintain::{Step, drop_leftovers, reindex, vacuum};
