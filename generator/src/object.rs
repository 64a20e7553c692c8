//! Objects in a local lake: written whole or not at all, and compared by what they say rather than by their
//! bytes.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

/// The present state of an object that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no such object.
    Nothing,
    /// The same lines, in that many compressed bytes.
    Same(u64),
    /// Something else, or something that cannot be decompressed.
    Other,
}

/// Compares the object at `path` with `lines`. Another compression of the same lines is the same.
///
/// # Errors
/// [`Error::File`] when the file exists and cannot be read.
pub(crate) fn compare(path: &Path, lines: &[u8]) -> Result<Found> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(e) => return Err(Error::file("cannot read", path, e)),
    };
    let size = file.metadata().map_err(|e| Error::file("cannot read", path, e))?.len();
    let mut decoder = MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 16, file));
    let (mut rest, mut chunk) = (lines, vec![0; 1 << 16]);
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(if rest.is_empty() { Found::Same(size) } else { Found::Other }),
            Ok(n) => match rest.strip_prefix(&chunk[..n]) {
                Some(behind) => rest = behind,
                None => return Ok(Found::Other),
            },
            Err(e)
                if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                return Ok(Found::Other);
            }
            Err(e) => return Err(Error::file("cannot read", path, e)),
        }
    }
}

/// Compresses `lines` into one gzip member without a time stamp and writes it to `path`; returns its size.
///
/// # Errors
/// [`Error::File`] when the file system refuses.
pub(crate) fn write_gzip(path: &Path, lines: &[u8], level: u32) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 6), Compression::new(level));
    let compressed = encoder
        .write_all(lines)
        .and_then(|()| encoder.finish())
        .map_err(|e| Error::file("cannot compress", path, e))?;
    write(path, &compressed)?;
    Ok(compressed.len() as u64)
}

/// Writes `bytes` to `path` so that a reader sees all of them or no such file.
///
/// # Errors
/// [`Error::File`] when the file system refuses.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    fs::create_dir_all(folder).map_err(|e| Error::file("cannot create", folder, e))?;
    fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path)).map_err(|e| {
        let _ = fs::remove_file(&temporary);
        Error::file("cannot write", path, e)
    })
}

/// Names of the objects in `folder`, sorted; none when there is no such folder.
///
/// # Errors
/// [`Error::File`] when the folder exists and cannot be read.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::file("cannot list", folder, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| Error::file("cannot list", folder, e))?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".jsonl.gz") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_lines_in_another_compression_are_the_same_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.jsonl.gz");
        let lines = "{\"a\": 1}\n".repeat(20_000);
        let lines = lines.trim_end().as_bytes();
        assert_eq!(compare(&path, lines).unwrap(), Found::Nothing);
        let size = write_gzip(&path, lines, 1).unwrap();
        assert_eq!(compare(&path, lines).unwrap(), Found::Same(size));
        assert_ne!(write_gzip(&path, lines, 9).unwrap(), size);
        assert!(matches!(compare(&path, lines).unwrap(), Found::Same(_)));
        assert_eq!(compare(&path, &lines[1..]).unwrap(), Found::Other);
        assert_eq!(compare(&path, &lines[..lines.len() - 1]).unwrap(), Found::Other);
        assert_eq!(compare(&path, &[lines, b"x"].concat()).unwrap(), Found::Other);
        fs::write(&path, b"no gzip").unwrap();
        assert_eq!(compare(&path, lines).unwrap(), Found::Other);
        assert_eq!(names(path.parent().unwrap()).unwrap(), ["b.jsonl.gz"], "nothing temporary is left");
    }

    #[test]
    fn the_same_lines_and_level_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |name: &str| {
            let path = folder.path().join(name);
            write_gzip(&path, b"line", 6).unwrap();
            fs::read(path).unwrap()
        };
        assert_eq!(bytes("a"), bytes("b"));
    }
}
