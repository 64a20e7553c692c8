//! `evo`: batch jobs for a medallion warehouse on PostgreSQL.
//!
//! ```text
//! EVO API ─extract▶ bronze (gz NDJSON objects) ─load▶ stg_evo.* (jsonb) ─transform▶ core.* (typed) ▶ BI
//! ```
//!
//! The folder tree is the table of contents. A module belongs to one floor and imports only from the floors
//! below it; `tests/floors.rs` checks that.
//!
//! ```text
//! 6  main · cli
//! 5  commands · catalog · telemetry · report
//! 4  extract · load · transform · verify · storage · doctor · draft    workflows; none imports another
//! 3  ledger · stage · drift · citus
//! 2  pg · bronze · embedded                   none knows another
//! 1  config · entity · ids
//! 0  retry · shutdown · logging · failpoint · meter · span · declaration · error · suggest · visible · counted · sql
//! ```
//!
//! On floors 6, 5 and 0 a module may also import those to its right.

#[macro_use]
pub mod failpoint;
#[macro_use]
pub mod sql;

pub mod bronze;
pub mod catalog;
pub mod citus;
pub mod cli;
pub mod commands;
pub mod config;
pub mod counted;
pub mod declaration;
pub mod doctor;
pub mod draft;
pub mod drift;
pub mod embedded;
pub mod entity;
pub mod error;
pub mod extract;
pub mod ids;
pub mod ledger;
pub mod load;
pub mod logging;
pub mod meter;
pub mod pg;
pub mod report;
pub mod retry;
pub mod shutdown;
pub mod span;
pub mod stage;
pub mod storage;
pub mod suggest;
pub mod telemetry;
pub mod transform;
pub mod verify;
pub mod visible;
