//! `evo load`: bronze objects into the staging tables.
//!
//! ```text
//! entity    discover (listing → ledger → plan) · workers · again, if objects changed meanwhile · aftermath
//! workers   claim the next batch · load it · until everything is committed
//! batch     attempts, and what to do with an object or a batch that keeps failing
//! attempt   raise the fence · stage in one way or a more careful one
//! transaction   begin · COPY · merge · counts · fence · COMMIT
//! ```
//!
//! **Exactly once.** Batches live in `evo.batches`. Workers of any number of processes claim them one by one.
//! A claim has a fencing token, and the last statement of the batch's transaction commits it under that token
//! or not at all: see [`crate::ledger::batches`]. An attempt whose COMMIT got no reply is settled by raising
//! the fence.
//!
//! **Newer beats older.** A run begins when the run before it is committed. Inside a run batches load in
//! parallel, and lineage (date, run, path) decides between rows of one key: see `merge/`.
//!
//! **Bounded.** Every joint is a channel of chunks of one size. Documents never collect in memory, and keys
//! travel as bit sets.

mod aftermath;
mod attempt;
mod attempt_error;
mod batch;
mod claims;
mod contract;
mod direct;
mod discover;
mod entity;
mod forecast;
mod heartbeat;
mod job;
mod later_lines;
mod left_out;
mod listing;
mod manifest;
mod merge;
mod notes;
mod object_limit;
mod outcome;
mod pace;
mod plan;
mod refused;
mod shorten;
mod staged;
mod stream;
mod summary;
mod transaction;
mod under_way;
mod workers;
mod zone;

pub use aftermath::Aftermath;
pub use claims::Claims;
pub use contract::check_contract;
pub use discover::{discover, doubt, preview};
pub use entity::{EntityLoad, load, load_planned, replay};
pub use heartbeat::Heartbeat;
pub use job::{LoadJob, decoders};
pub use object_limit::ObjectLimit;
pub use outcome::{PhaseTimes, StreamTimes};
pub use plan::{LeftAlone, LoadPlan};
pub use refused::RefusedLines;
pub use summary::{EntitySummary, NotLoaded};
