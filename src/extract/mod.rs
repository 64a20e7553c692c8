//! `evo extract`: from an API to bronze, complete, within the vendor's limits, resumable.
//!
//! ```text
//! plan in the ledger → claim a window → page by page (limiter · request · records found · seam checked) →
//! object → all windows finished: manifest
//! ```
//!
//! **Nothing lost.** Records are written byte for byte. Windows cover each day once. An offset page
//! overlaps the one before by a record: where the two differ, the set has moved, and the window is read
//! again. What is not the declared shape is never data; a window that cannot be read is recorded with its
//! reason and fetched first the next time.
//!
//! **Shared and resumable.** Windows live in `evo.windows` and are claimed by workers of any number of
//! processes; see [`crate::ledger::windows`]. One that was interrupted goes on after its last finished
//! object.
//!
//! **Within the limits.** All requests with one credential take their slots from one row of `evo.pace`.
//!
//! ```text
//! window · one_pass → answer · newest → position · part · slots · budget    pure
//! refusal · token · client · limiter                            the source
//! plan → round                                                  what is to be fetched
//! job · fetch → read · manifest → run                           the workflow
//! ```

mod answer;
mod budget;
mod claims;
mod client;
mod fetch;
mod job;
mod limiter;
mod manifest;
mod newest;
mod one_pass;
mod part;
mod plan;
mod position;
mod reach;
mod read;
mod refusal;
mod round;
mod run;
mod slots;
mod token;
mod trial;
mod window;

pub use budget::{Need, full_round_days, shares};
pub use claims::{Beat, WindowClaims};
pub use client::Client;
pub use job::{ExtractJob, ExtractSummary, ExtractWatch, Means};
pub use limiter::Limiter;
pub use plan::{DayRange, ExtractPlan, days_of, need, plan};
pub use reach::reach;
pub use round::{Round, round};
pub use trial::{Trial, attempt};
pub use window::Days;
