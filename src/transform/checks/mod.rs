//! Checks: queries that must return no rows, before a swap, after an increment, and by `evo check`
//! (docs/checks.md).
//!
//! A check says `{core.evo_sales}` for the rows that it checks and `{all core.evo_sales}` for the whole
//! table. What these are depends on when it runs: the new generation's tables, the rows that an increment may
//! have changed, or what serves.

mod check;
mod finding;
mod run;
mod scope;
mod set;

pub use check::{Check, Severity, When};
pub use finding::{Finding, failure};
pub use run::run;
pub use scope::{Changed, Leaf, Scope};
pub use set::Checks;
