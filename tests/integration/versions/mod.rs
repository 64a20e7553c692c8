//! Versions of documents: each is kept, and a history shows since when and until when it counts.

mod histories;
mod walk;

use std::path::Path;

use crate::toy::copy;

/// A folder with the entities of the fixtures.
fn fixtures(to: &Path) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/versions"), to);
}
