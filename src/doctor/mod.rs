//! `evo doctor`: what is misconfigured, why it matters, and the line that fixes it.
//!
//! A finding is data. Groups of findings are independent: what cannot be checked is named with the reason and
//! stops no other. Nothing is changed.

mod activity;
mod cluster;
mod connections;
mod examination;
mod finding;
mod host;
mod lake;
mod leftovers;
mod rights;
mod schema;
mod server;
mod subject;
mod tuning;
mod volume;

pub use examination::{Examination, examine};
pub use finding::{DoctorFinding, Fix, Gravity};
pub use host::Host;
pub use lake::examine_lake;
pub use server::ServerFacts;
pub use subject::Subject;
