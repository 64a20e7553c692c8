//! The terms of a server, and the counts of its work.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fault::Faults;
use super::limit::Limit;

/// The terms under which the imitation serves.
#[derive(Debug)]
pub struct Terms {
    /// Rate limits, all of which hold.
    pub limits: Vec<Limit>,
    /// The faults of its answers.
    pub faults: Arc<Faults>,
    /// The time at which its clock begins.
    pub now: DateTime<Utc>,
    /// How long each answer takes at least.
    pub latency: Duration,
}

/// Counts of a server's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Requests for data that were answered with a page.
    pub requests: u64,
    /// Requests refused for their number.
    pub throttled: u64,
    /// Records in these pages.
    pub records: u64,
}
