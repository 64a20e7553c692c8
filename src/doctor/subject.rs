//! The warehouse that is examined.

use crate::config::dsn::Dsn;
use crate::entity::Entity;
use crate::ledger::migrations::Migration;
use crate::pg::Pool;

/// evo's schemas.
pub(super) const SCHEMAS: [&str; 5] = ["evo", "stg_evo", "core", "evo_next", "evo_old"];

/// The warehouse that is examined, and the work that jobs would do with it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The way to the database.
    pub pool: &'a Pool,
    /// Its address.
    pub dsn: &'a Dsn,
    /// Whether it is the private server, which jobs upgrade themselves.
    pub is_private: bool,
    /// The entities that jobs work on.
    pub entities: &'a [Entity],
    /// The migrations that the schema should have.
    pub migrations: &'a [Migration],
    /// Workers of a job.
    pub workers: usize,
}
