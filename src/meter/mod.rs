//! The counts of a running job, in memory: how far each phase is, and how much the process has done so far.
//!
//! `report::progress` shows the phases, and `ledger::runs` keeps a [`snapshot()`] of everything in
//! `evo.runs`. Counting costs an atomic addition or a short lock. It happens once per batch, chunk, commit or
//! buffer, never once per row.

mod gauge;
mod histogram;
mod measures;
mod names;
mod snapshot;
mod tally;

pub use gauge::{Gauge, Meter, Phase, Tentative, Unit, entity_and_phase, running};
pub use histogram::Histogram;
pub use measures::{Fill, Measures, PoolUse, Repeats};
pub use names::{Backlog, Counted, Timed};
pub use snapshot::snapshot;
pub use tally::{Tally, tally};
