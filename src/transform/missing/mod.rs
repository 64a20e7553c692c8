//! Rows that the source no longer has: marked or deleted in core, and back when they reappear.
//!
//! A run that holds everything is a whole run (`ledger/whole_runs.sql`). Of these only the newest one counts:
//! a row is missing if neither this run nor any newer one holds its key. That is a function of what was
//! loaded, whatever the order: what an older whole run lacks, the newest one lacks too, or somebody has seen
//! it since.
//!
//! * `compare`: which staged rows are missing or back, in one snapshot, from lineage and seen keys.
//! * `follow`: marks them in staging and brings core up to date, chunk by chunk, each in one transaction. So
//!   the mark in staging is what core shows, and an interruption leaves nothing half done. Or previews it.

mod compare;
mod follow;
mod keys;
mod since;
mod sought;

pub(super) use follow::{follow, preview};
