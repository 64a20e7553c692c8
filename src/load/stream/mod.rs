//! The stream of a batch: download tasks → bounded channels → decode thread → bounded channel → COPY.

mod decoder;
mod download;
mod objects;
mod run;
mod verified;

pub(super) use objects::{BatchObjects, Pass};
pub(super) use run::stream;
