//! What samples came to, kept in the state directory: a sample that has not changed is not read again.
//!
//! What is kept has names of fields and counts, and no value.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::bronze::Limits;
use crate::config::Settings;
use crate::draft::{SampleFile, SampleReading, read_samples};
use crate::entity::Input;
use crate::error::Result;

/// Reads all samples, each on its own, as objects are declared to be written. Returns also how many did not
/// have to be read again. With `keeps`, the others need not be the next time.
///
/// # Errors
/// As [`read_samples`].
pub(super) async fn read(
    settings: &Settings,
    (samples, declared): (&[SampleFile], &Input),
    keeps: bool,
) -> Result<(SampleReading, usize)> {
    let limits = Limits { line_bytes: settings.max_line_bytes, ratio: settings.max_ratio };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut all, mut kept) = (SampleReading::default(), 0);
    for sample in samples {
        let path = place(&settings.state_dir, (sample, declared), limits);
        if let Some(known) = path.as_deref().and_then(known) {
            all.merge(known);
            kept += 1;
            continue;
        }
        let reading = read_samples(std::slice::from_ref(sample), Some(declared), limits, threads).await?;
        if let Some(path) = path.filter(|_| keeps) {
            keep(&path, &reading);
        }
        all.merge(reading);
    }
    Ok((all, kept))
}

/// Where a sample's shape is kept.
fn place(state_dir: &Path, (sample, declared): (&SampleFile, &Input), limits: Limits) -> Option<PathBuf> {
    let Limits { line_bytes, ratio } = limits;
    let identity = sample.identity()?;
    let identity = format!("{}|{line_bytes}|{ratio}|{declared:?}|{identity}", env!("CARGO_PKG_VERSION"));
    let name: String = Md5::digest(identity.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(state_dir.join("shapes").join(format!("{name}.json")))
}

fn known(path: &Path) -> Option<SampleReading> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Keeps it; a failure only means that the sample is read again.
fn keep(path: &Path, reading: &SampleReading) {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(reading)?)?;
        std::fs::rename(&beside, path)
    };
    if let Err(error) = write() {
        tracing::debug!(%error, "what the sample came to could not be kept");
    }
}
