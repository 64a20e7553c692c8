//! A lake in a local directory, with the same guarantees as a container.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, stream};
use rustix::fs::{Mode, OFlags};
use tokio::sync::mpsc;

use super::page::{Page, Wanted};
use super::walk::{OUTSIDE, Walk, etag, reason};
use crate::error::{Error, Kind, Result};

/// Bytes that are read at a time.
const CHUNK_BYTES: u64 = 256 * 1024;

/// A directory. An etag is made of inode, size, and the times of writing and of change.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    /// Its path without symbolic links.
    root: PathBuf,
}

impl Directory {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let root = dir.canonicalize().map_err(|e| classify(&e).caused_by(e))?;
        Ok(Self { root })
    }

    /// The folder, without links in it.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The files below a folder, page by page. What cannot be listed is [`Page::unreadable`].
    pub(super) fn list(&self, below: &str, wanted: &Wanted) -> impl Stream<Item = Result<Page>> + Send + use<> {
        let (pages, received) = mpsc::channel(1);
        let (root, wanted, below) = (self.root.clone(), wanted.clone(), below.to_owned());
        let walking = tokio::task::spawn_blocking(move || {
            Walk::new(root, wanted, |page| pages.blocking_send(page).is_ok()).run(&below);
        });
        stream::try_unfold((received, Some(walking)), |(mut received, mut walking)| async move {
            if let Some(page) = received.recv().await {
                return Ok(Some((page, (received, walking))));
            }
            // A walk that panicked has not seen everything.
            match walking.take() {
                Some(walking) => {
                    walking
                        .await
                        .map_err(|e| Error::new(Kind::Internal, "the walk through the lake panicked").caused_by(e))?;
                    Ok(None)
                }
                None => Ok(None),
            }
        })
    }

    /// Size and bytes of an object, in the version that `etag` identifies, or else in the current one.
    ///
    /// # Errors
    /// `SourceChanged` when it was replaced or deleted, also while it is read; `SourceUnreadable`,
    /// `SourceUnavailable`.
    pub(super) async fn read(
        &self,
        path: &str,
        etag: Option<String>,
    ) -> Result<(u64, impl Stream<Item = Result<Bytes>> + Send + use<>)> {
        let (directory, name) = (self.clone(), path.to_owned());
        let opened = tokio::task::spawn_blocking(move || directory.open_file(&name));
        let (file, found, size) =
            opened.await.map_err(|e| Error::new(Kind::Internal, "a reader of the lake panicked").caused_by(e))??;
        if etag.is_some_and(|wanted| wanted != found) {
            return Err(changed("it was replaced since it was listed"));
        }
        let open = Open { path: self.root.join(path), etag: found, file, rest: size };
        Ok((size, stream::try_unfold(open, Open::next)))
    }

    /// Opens a file that lies in the lake, with its etag and size.
    ///
    /// Links are resolved first. Then the path that they lead to is opened folder by folder without following
    /// any link, so one that is created in the meantime leads nowhere.
    fn open_file(&self, path: &str) -> Result<(File, String, u64)> {
        let failed = |e: io::Error| classify(&e).caused_by(e);
        let real = self.root.join(path).canonicalize().map_err(failed)?;
        let Ok(below) = real.strip_prefix(&self.root) else {
            return Err(Error::new(Kind::SourceUnreadable, OUTSIDE));
        };
        let mut names = Vec::new();
        for component in below.components() {
            match component {
                Component::Normal(name) => names.push(name),
                _ => return Err(Error::new(Kind::SourceUnreadable, OUTSIDE)),
            }
        }
        let Some((file, folders)) = names.split_last() else {
            return Err(Error::new(Kind::SourceUnreadable, "it is the lake itself"));
        };
        let open = |at: &File, name: &std::ffi::OsStr, flags: OFlags| -> Result<File> {
            let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(at, name, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
            Ok(File::from(opened))
        };
        let mut folder = File::open(&self.root).map_err(failed)?;
        for name in folders {
            folder = open(&folder, name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        }
        // Opening a pipe would wait for its writer.
        let file = open(&folder, file, OFlags::RDONLY | OFlags::NONBLOCK)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::new(Kind::SourceUnreadable, "it is not a file"));
        }
        Ok((file, etag(&metadata), metadata.len()))
    }
}

struct Open {
    path: PathBuf,
    etag: String,
    file: File,
    rest: u64,
}

impl Open {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let read = tokio::task::spawn_blocking(move || (self.read(), self));
        let (chunk, open) =
            read.await.map_err(|e| Error::new(Kind::Internal, "a reader of the lake panicked").caused_by(e))?;
        Ok(chunk?.map(|chunk| (chunk, open)))
    }

    fn read(&mut self) -> Result<Option<Bytes>> {
        if self.rest == 0 {
            // If it was written to in place, or is another file by now, the bytes may be of two versions.
            let now = fs::metadata(&self.path).map_err(|e| classify(&e).caused_by(e))?;
            return if etag(&now) == self.etag { Ok(None) } else { Err(changed("it was replaced while it was read")) };
        }
        let wanted = self.rest.min(CHUNK_BYTES);
        let mut chunk = Vec::with_capacity(wanted as usize);
        (&mut self.file).take(wanted).read_to_end(&mut chunk).map_err(|e| classify(&e).caused_by(e))?;
        if chunk.is_empty() {
            return Err(changed("it was truncated while it was read"));
        }
        self.rest -= chunk.len() as u64;
        Ok(Some(Bytes::from(chunk)))
    }
}

fn changed(message: &str) -> Error {
    Error::new(Kind::SourceChanged, message)
}

/// Classifies an error of the file system, which concerns one object.
fn classify(e: &io::Error) -> Error {
    let kind = match (e.kind(), e.raw_os_error()) {
        (ErrorKind::NotFound, _) => return changed("it is gone or was never there"),
        // Too few descriptors or too little memory, or a file server with a short outage: a retry can help.
        (
            ErrorKind::Interrupted | ErrorKind::TimedOut | ErrorKind::OutOfMemory | ErrorKind::StaleNetworkFileHandle,
            _,
        )
        | (_, Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::ENOTCONN | libc::EHOSTDOWN)) => {
            Kind::SourceUnavailable
        }
        _ => Kind::SourceUnreadable,
    };
    Error::new(kind, reason(e))
}

#[cfg(test)]
mod tests {
    use futures_util::stream::BoxStream;
    use futures_util::{StreamExt, TryStreamExt};

    use super::*;

    /// Everything that a listing shows, in one page.
    async fn list(directory: &Directory, below: &str) -> Page {
        let wanted = Wanted { prefix: below.to_owned(), suffixes: vec![String::new()] };
        let pages: Vec<Page> = directory.list(below, &wanted).try_collect().await.unwrap();
        let mut all = Page::default();
        pages.into_iter().for_each(|page| all.extend(page));
        all
    }

    async fn start(dir: &Path, bytes: &[u8]) -> (Directory, BoxStream<'static, Result<Bytes>>) {
        std::fs::write(dir.join("a"), bytes).unwrap();
        let directory = Directory::open(dir).unwrap();
        let listed = list(&directory, "").await;
        let (size, body) = directory.read("a", Some(listed.objects[0].etag.clone())).await.unwrap();
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
        let set_back = || {
            let written = std::fs::metadata(&file).unwrap().modified().unwrap();
            rewrite();
            File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        };
        let changes: [(&str, &dyn Fn()); 5] = [
            ("replaced", &replace),
            ("truncated", &truncate),
            ("rewritten", &rewrite),
            ("rewritten and set back", &set_back),
            ("removed", &remove),
        ];
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
            let error = directory.read(path, etag).await.err().unwrap();
            assert_eq!(error.kind(), Kind::SourceChanged);
        }
    }

    fn names(page: &Page) -> Vec<&str> {
        let mut names: Vec<&str> = page.objects.iter().map(|o| o.path.as_str()).collect();
        names.sort_unstable();
        names
    }

    fn aside(page: &Page) -> Vec<(&str, &str)> {
        let mut aside: Vec<(&str, &str)> =
            page.unreadable.first.iter().map(|u| (u.path.as_str(), u.reason.as_str())).collect();
        aside.sort_unstable();
        aside
    }

    #[tokio::test]
    async fn links_are_followed_inside_the_lake_and_nowhere_else() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "root:x").unwrap();
        let lake = dir.path().join("lake");
        std::fs::create_dir_all(lake.join("sales/run")).unwrap();
        std::fs::write(lake.join("sales/run/a"), "a").unwrap();
        std::fs::create_dir(lake.join("archive")).unwrap();
        std::fs::write(lake.join("archive/b"), "b").unwrap();
        for (target, link) in [
            (outside.path().join("secret"), "out"),
            (outside.path().to_owned(), "out_folder"),
            ("../../lake/archive/b".into(), "in"),
            (lake.join("archive"), "in_folder"),
            ("self".into(), "self"),
            ("nothing".into(), "nowhere"),
            ("..".into(), "run/up"),
            (lake.join("archive"), "run/there"),
        ] {
            symlink(target, lake.join("sales").join(link)).unwrap();
        }
        symlink(lake.join("sales/run"), lake.join("archive/back")).unwrap();
        let directory = Directory::open(&lake).unwrap();
        let page = list(&directory, "sales").await;
        let expected = ["sales/in", "sales/in_folder/b", "sales/in_folder/back/a", "sales/run/a", "sales/run/there/b"];
        assert_eq!(names(&page), expected);
        let aside = aside(&page);
        let says = |path: &str| aside.iter().find(|(p, _)| *p == path).map_or("", |(_, reason)| reason);
        for (path, reason) in [
            ("sales/out", OUTSIDE),
            ("sales/out_folder", OUTSIDE),
            ("sales/self", "it is a loop of symbolic links"),
            ("sales/nowhere", "it is a symbolic link to nothing"),
            ("sales/run/up", "it is a symbolic link to a folder that holds it: a loop"),
            ("sales/run/there/back", "it is a symbolic link to a folder that holds it: a loop"),
        ] {
            assert_eq!(says(path), reason, "{path}");
        }
        for object in &page.objects {
            let (_, body) = directory.read(&object.path, Some(object.etag.clone())).await.unwrap();
            assert_eq!(body.try_collect::<Vec<Bytes>>().await.unwrap().concat().len(), 1, "{}", object.path);
        }
        // Neither what was listed as a file and is a link by now, nor a path that was never listed, leads
        // out.
        for path in ["sales/out", "sales/out_folder/secret", "../lake/../x/secret"] {
            let error = directory.read(path, None).await.err().unwrap();
            assert!(matches!(error.kind(), Kind::SourceUnreadable | Kind::SourceChanged), "{path}: {error}");
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_one_is_set_aside_and_the_others_are_listed() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &[u8]| std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
        for name in ["t\tab\nline", " ", "%2F%20", "c\u{327}", "ç", "[a]{b}#?*~\\'\"", "..."] {
            put(name.as_bytes());
        }
        put(b"\xff");
        let path = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        let page = list(&directory, "").await;
        let mut expected = ["t\tab\nline", " ", "%2F%20", "c\u{327}", "ç", "[a]{b}#?*~\\'\""];
        expected.sort_unstable();
        assert_eq!(names(&page), expected, "and a name that begins with a dot is hidden");
        let reasons: Vec<&str> = aside(&page).into_iter().map(|(_, reason)| reason).collect();
        let not_text = "its name is not UTF-8, so it can neither be recorded nor requested";
        assert_eq!(reasons, ["it is a pipe, not a file", "it is a socket, not a file", not_text]);
        for path in ["pipe", "socket"] {
            assert_eq!(directory.read(path, None).await.err().unwrap().kind(), Kind::SourceUnreadable);
        }
    }

    #[tokio::test]
    async fn a_missing_folder_is_empty_and_a_file_in_its_place_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sales"), "x").unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        let page = list(&directory, "members").await;
        assert!(page.is_empty());
        let page = list(&directory, "sales").await;
        assert_eq!(aside(&page)[0].0, "sales");
    }
}
