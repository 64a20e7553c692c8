//! Everything that a process knows of itself, as JSON.

use serde_json::{Value, json};

use super::gauge::running;
use super::tally::tally;

/// The counts and timings of this process, and how far its phases are. `evo.runs.measures` holds it.
pub fn snapshot() -> Value {
    let mut snapshot = tally().measures().to_json();
    snapshot["running"] = running().iter().map(|gauge| gauge.to_json()).collect();
    snapshot["version"] = json!(1);
    snapshot
}
