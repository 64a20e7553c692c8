//! Manifests: an extraction writes `_manifest.json` last, with how much it wrote.

mod counts;
mod finished;
mod listed;
mod number;
mod read;

pub(super) use finished::unfinished;
pub(super) use read::read_all;
