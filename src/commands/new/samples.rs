//! The samples that were named: files, or objects of the lake.

use std::path::Path;

use crate::bronze::Lake;
use crate::config::Settings;
use crate::draft::SampleFile;
use crate::error::{Error, Kind, Result};

/// Finds the samples.
///
/// # Errors
/// `Usage` for one that is neither a file nor in the lake; those of the lake.
pub(super) async fn find(settings: &Settings, names: &[String]) -> Result<Vec<SampleFile>> {
    let mut samples = Vec::new();
    for name in names {
        match Path::new(name) {
            path if path.is_file() => samples.push(SampleFile::Path(path.to_owned())),
            _ => samples.extend(of_lake(settings, name).await?),
        }
    }
    Ok(samples)
}

/// The object of that path, or all below a folder of that path.
async fn of_lake(settings: &Settings, name: &str) -> Result<Vec<SampleFile>> {
    let nothing = |lake: &str| {
        Error::new(Kind::Usage, format!("there is no sample {name}: it is neither a file nor in the lake {lake}"))
            .hint("a sample is a file, or an object or a folder of the lake as in bronze/evo/entity=visits")
    };
    let lake = Lake::open(&settings.lake, &settings.azure).map_err(|_| nothing(&settings.lake.to_string()))?;
    let path = name.trim_matches('/');
    let mut found = lake.list(path, &[]).await.unwrap_or_default();
    if found.is_empty() {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        found = lake.list(folder, &[]).await?;
        found.retain(|object| object.path == path);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    match found.is_empty() {
        true => Err(nothing(lake.shown())),
        false => Ok(found.into_iter().map(|o| SampleFile::Object(lake.clone(), o.path, o.etag)).collect()),
    }
}
