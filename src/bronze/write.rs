//! Writing objects: whole or not at all, and create-only unless the caller says that it may replace.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use bytes::Bytes;

use super::created::Created;
use super::lake::Lake;
use crate::error::{Context, Error, Kind, Result};

impl Lake {
    /// Writes an object that is not there yet. A reader sees all of it or nothing.
    ///
    /// # Errors
    /// `SourceUnavailable` (retryable), `AccessDenied` or `SourceInvalid` when the lake does not take it.
    pub async fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        self.put(path, bytes, true).await
    }

    /// Writes an object, and replaces one that is there.
    ///
    /// # Errors
    /// As [`Lake::create`].
    pub async fn replace(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.put(path, bytes, false).await.map(drop)
    }

    async fn put(&self, path: &str, bytes: Bytes, only_new: bool) -> Result<Created> {
        let shown = format!("object {path}");
        if let Some(container) = self.container() {
            return container.put(&self.name(path), bytes, only_new).await.context(shown);
        }
        let at = self.folder().unwrap_or(Path::new("")).join(path);
        let written = tokio::task::spawn_blocking(move || write(&at, &bytes, only_new)).await;
        let written = written.map_err(|e| Error::new(Kind::Internal, "a writer stopped").caused_by(e))?;
        written.map_err(|e| {
            let message = format!("{shown} cannot be written: {e}");
            let error = match is_full(&e) {
                true => Error::new(Kind::SourceUnavailable, message)
                    .hint("free space in the lake; then run the same command again"),
                false => Error::new(Kind::SourceInvalid, message),
            };
            error.caused_by(e)
        })
    }

    /// Removes an object. It is not an error if there is none.
    ///
    /// # Errors
    /// As [`Lake::create`].
    pub async fn remove(&self, path: &str) -> Result<()> {
        let shown = format!("object {path}");
        if let Some(container) = self.container() {
            return container.delete(&self.name(path)).await.context(shown);
        }
        match fs::remove_file(self.folder().unwrap_or(Path::new("")).join(path)) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Error::new(Kind::SourceInvalid, format!("{shown} cannot be removed: {e}")).caused_by(e))
            }
            _ => Ok(()),
        }
    }

    /// Removes what processes that were killed while they wrote have left in a folder. A container keeps
    /// nothing of them.
    pub fn remove_temporary(&self, folder: &str) {
        let Some(root) = self.folder().filter(|_| self.container().is_none()) else { return };
        let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
        for entry in entries.flatten().filter(|entry| is_temporary(&entry.file_name().to_string_lossy())) {
            if let Err(e) = fs::remove_file(entry.path()) {
                tracing::debug!(file = %entry.path().display(), error = %e, "a left-over file could not be removed");
            }
        }
    }
}

/// `.NAME.UUID.tmp`, as [`write()`] names them.
fn is_temporary(name: &str) -> bool {
    let id = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")?.rsplit_once('.')).map(|(_, id)| id);
    id.is_some_and(|id| id.len() == 32 && uuid::Uuid::try_parse(id).is_ok())
}

/// Whether the disk, or the user's share of it, has no space left.
pub fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Writes a file beside its place, and links it there when it is on disk.
fn write(at: &Path, bytes: &[u8], only_new: bool) -> io::Result<Created> {
    let folder = at.parent().unwrap_or(Path::new("."));
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{name}.{}.tmp", uuid::Uuid::now_v7().simple()));
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| match only_new {
        // A link never replaces what is there.
        true => match fs::hard_link(&temporary, at) {
            Ok(()) => Ok(Created::New),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(Created::Exists),
            // Others have finished without this one, and have tidied up.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Created::Exists),
            Err(e) => Err(e),
        },
        false => fs::rename(&temporary, at).map(|()| Created::New),
    });
    let _ = fs::remove_file(&temporary);
    // The name must survive a crash as well as the content does.
    File::open(folder)?.sync_all()?;
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_interrupted_write_has_left_is_temporary() {
        assert!(is_temporary(".a_part-00001.jsonl.gz.0192f1a2b3c47d8e9f00112233445566.tmp"));
        for other in [".a.tmp", "a.0192f1a2b3c47d8e9f00112233445566.tmp", ".0192f1a2b3c47d8e9f00112233445566.tmp.gz"] {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[test]
    fn an_object_is_created_once_and_replaced_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("a/b/c.jsonl.gz");
        assert_eq!(write(&at, b"one", true).unwrap(), Created::New);
        assert_eq!(write(&at, b"two", true).unwrap(), Created::Exists);
        assert_eq!(fs::read(&at).unwrap(), b"one");
        assert_eq!(write(&at, b"three", false).unwrap(), Created::New);
        assert_eq!(fs::read(&at).unwrap(), b"three");
        let left: Vec<_> = fs::read_dir(at.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing temporary stays");
    }
}
