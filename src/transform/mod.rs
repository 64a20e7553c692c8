//! `evo transform`: staging into the typed core tables.
//!
//! A model is one select, and both modes wrap the same text: they cannot drift apart.
//!
//! * `increment/`: the batches that core does not have yet give the changed documents. Rows that differ are
//!   upserted, children that their document no longer has are deleted, and the watermark moves, in one
//!   transaction for each group of batches. After an interruption the next run continues with the groups that
//!   are left.
//! * `generation/`: a full refresh builds a new generation beside the serving one, from one snapshot, and
//!   swaps all tables of the entity in one short transaction. Until the swap the old generation serves; the
//!   next run drops what an interruption left.
//! * `missing/`: rows that the source no longer has, and those that are back.
//! * `compare/`: compares core with what the models give, and changes nothing.
//! * `example/`: tests of models, and previews; writes nothing.
//! * `dimension/`: small tables derived from core, written in place.
//! * `reading/`: what is sent to the server for a model. `order`: which entities and dimensions run after
//!   which. `checks/`: what must hold before a swap and after an increment.
//!
//! One execution at a time transforms an entity (`pg::EntityLock`). Loads go on meanwhile, and what they
//! commit after the snapshot stays pending for the next increment.

mod checking;
pub mod checks;
pub mod compare;
mod contract;
mod crew;
pub mod definitions;
pub mod dimension;
pub mod example;
mod fit;
mod generation;
mod increment;
mod issues;
mod job;
mod limits;
mod missing;
mod model_fault;
pub mod order;
mod partitions;
mod preview;
mod range;
mod reading;
pub mod refusal;
mod request;
mod run;
mod shape;
mod sql_files;
mod staged;
mod statistics;
mod summary;
mod transaction;
mod unknown_fields;

pub use fit::require_fitting_models;
pub use job::EntityJob;
pub use preview::{TablePreview, TransformPreview, preview};
pub use request::{Mode, Refresh, Request};
pub use run::run;
pub use summary::{MissingSummary, TableSummary, TransformSummary};
pub use unknown_fields::Drift;
