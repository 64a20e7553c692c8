//! A lake in a local directory, with the same promises as a container.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::refusal::find;
use crate::error::{Error, Kind, Result};

/// Read at once. The client's own stream reads 8 KiB, and never ends on a file that was truncated meanwhile.
const CHUNK_BYTES: u64 = 256 * 1024;

/// A directory. An etag is made of inode, time of change and size.
#[derive(Debug, Clone)]
pub(super) struct Directory(Arc<LocalFileSystem>);

impl Directory {
    pub(super) fn open(dir: &FilePath) -> Result<Self> {
        Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(dir).map_err(understand)?)))
    }

    pub(super) fn list(&self, prefix: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(Some(prefix)).map(|meta| meta.map_err(understand)).boxed()
    }

    /// Size and bytes of an object; of the version that `etag` names, if one is given.
    pub(super) async fn read(
        &self,
        path: Path,
        etag: Option<String>,
    ) -> Result<(u64, impl Stream<Item = Result<Bytes>> + Send + use<>)> {
        let options = GetOptions { if_match: etag, ..GetOptions::default() };
        let got = self.0.get_opts(&path, options).await.map_err(understand)?;
        let GetResultPayload::File(file, _) = got.payload else {
            return Err(Error::new(Kind::Internal, "a local object is not a file"));
        };
        let size = got.meta.size;
        let open = Open { directory: self.clone(), path, etag: got.meta.e_tag, file, rest: size };
        Ok((size, stream::try_unfold(open, Open::next)))
    }
}

struct Open {
    directory: Directory,
    path: Path,
    etag: Option<String>,
    file: File,
    rest: u64,
}

impl Open {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        if self.rest == 0 {
            // Written to in place, or another file by now: then what was read may be of two versions.
            let now = self.directory.0.head(&self.path).await.map_err(understand)?;
            return if now.e_tag == self.etag { Ok(None) } else { Err(changed("it was replaced while it was read")) };
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::with_capacity(self.rest.min(CHUNK_BYTES) as usize);
            let read = (&mut self.file).take(self.rest.min(CHUNK_BYTES)).read_to_end(&mut chunk);
            (read.map(|_| Bytes::from(chunk)), self)
        });
        let (chunk, mut open) = read.await.map_err(|e| Error::new(Kind::Internal, "a reader died").caused_by(e))?;
        match chunk {
            Ok(chunk) if chunk.is_empty() => Err(changed("it was truncated while it was read")),
            Ok(chunk) => {
                open.rest -= chunk.len() as u64;
                Ok(Some((chunk, open)))
            }
            Err(e) => Err(Error::new(Kind::SourceUnavailable, format!("it cannot be read: {e}")).caused_by(e)),
        }
    }
}

fn changed(message: &str) -> Error {
    Error::new(Kind::SourceChanged, message)
}

fn understand(e: object_store::Error) -> Error {
    use object_store::Error as E;
    let io = find::<std::io::Error>(&e);
    let error = match (&e, io.map(std::io::Error::kind)) {
        (E::Precondition { .. } | E::NotModified { .. }, _) => changed("it was replaced since it was listed"),
        (E::NotFound { .. }, _) | (_, Some(ErrorKind::NotFound)) => changed("it is gone or was never there"),
        (E::InvalidPath { source }, _) => Error::new(Kind::SourceInvalid, format!("a path is not valid: {source}")),
        (_, Some(ErrorKind::PermissionDenied)) => {
            Error::new(Kind::AccessDenied, "the user that runs evo may not read it")
        }
        (_, Some(_)) => Error::new(
            Kind::SourceUnavailable,
            format!("it cannot be read: {}", io.map_or(String::new(), ToString::to_string)),
        ),
        _ => Error::new(Kind::SourceInvalid, format!("it cannot be read: {e}")),
    };
    error.caused_by(e)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn start(dir: &FilePath, bytes: &[u8]) -> (Directory, BoxStream<'static, Result<Bytes>>) {
        std::fs::write(dir.join("a"), bytes).unwrap();
        let directory = Directory::open(dir).unwrap();
        let listed: Vec<ObjectMeta> = directory.list(&Path::from("")).try_collect().await.unwrap();
        let (size, body) = directory.read(Path::from("a"), listed[0].e_tag.clone()).await.unwrap();
        assert_eq!(size, bytes.len() as u64);
        (directory, body.boxed())
    }

    #[tokio::test]
    async fn a_file_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 1, CHUNK_BYTES as usize, 600_000] {
            let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let (_, body) = start(dir.path(), &bytes).await;
            let chunks: Vec<Bytes> = body.try_collect().await.unwrap();
            assert_eq!(chunks.concat(), bytes);
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_under_the_reader_never_ends_well() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        let big = vec![7; 600_000];
        let replace = || {
            std::fs::write(dir.path().join("b"), &big).unwrap();
            std::fs::rename(dir.path().join("b"), &file).unwrap();
        };
        let truncate = || File::options().write(true).open(&file).unwrap().set_len(300_000).unwrap();
        let rewrite = || std::fs::write(&file, vec![8; 600_000]).unwrap();
        let remove = || std::fs::remove_file(&file).unwrap();
        let changes: [(&str, &dyn Fn()); 4] =
            [("replaced", &replace), ("truncated", &truncate), ("rewritten", &rewrite), ("removed", &remove)];
        for (name, change) in changes {
            let (_, mut body) = start(dir.path(), &big).await;
            assert!(body.try_next().await.unwrap().is_some());
            std::thread::sleep(std::time::Duration::from_millis(20));
            change();
            let error = body.try_collect::<Vec<Bytes>>().await.expect_err(name);
            assert_eq!(error.kind(), Kind::SourceChanged, "{name}");
        }
    }

    #[tokio::test]
    async fn a_version_that_is_not_there_any_more_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "new").unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        for (path, etag) in [("a", Some("\"1-2-3\"".to_owned())), ("b", None)] {
            let error = directory.read(Path::from(path), etag).await.err().unwrap();
            assert_eq!(error.kind(), Kind::SourceChanged);
        }
    }
}
