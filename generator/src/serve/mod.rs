//! The generated world behind the vendor's API, for tests, the demo and benchmarks of an extraction.
//!
//! ```text
//! request ─▶ credential ─▶ rate limit ─▶ fault on demand ─▶ window ─▶ page of documents
//! ```
//!
//! It answers as the vendor does where that is known, and in the less convenient way where it is not: a
//! page size above the maximum is capped without a word, unknown parameters are ignored, a page that is not
//! full is no sign of the end. Its clock begins on the day of the plan's first run and decides which run's
//! records are seen.

mod answer;
mod api;
mod body;
mod clock;
mod data;
mod fault;
mod fields;
mod limit;
mod query;
mod server;
mod terms;

pub use answer::{PASSWORD, TOKEN, USER};
pub use fault::{Faults, parse_faults};
pub use limit::{Limit, parse_limits};
pub use server::Server;
pub use terms::{Served, Terms};
