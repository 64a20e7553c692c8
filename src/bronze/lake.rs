//! The lake behind one interface: a local directory or an Azure Blob container.

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::container::Container;
use super::directory::Directory;
use super::layout::NameKind;
use super::listing::Blob;
use super::page::{Object, Page, Wanted};
use super::read;
use crate::config;
use crate::error::{Context, Error, Kind, Result};
use crate::shutdown::Shutdown;

/// A lake that holds bronze objects. Clones share connections, tokens and the limit on concurrent requests.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Store,
    prefix: String,
    shown: String,
}

#[derive(Debug, Clone)]
enum Store {
    Directory(Directory),
    Container(Container),
}

impl Lake {
    /// Opens the lake that the settings name.
    ///
    /// # Errors
    /// `SourceInvalid` when the directory does not exist; `Config` when the settings for Azure are
    /// incomplete.
    pub fn open(lake: &config::LakeAddress, azure: &config::Azure) -> Result<Self> {
        let shown = lake.to_string();
        match lake {
            config::LakeAddress::Directory(dir) => {
                if dir.is_file() {
                    return Err(Error::new(Kind::SourceInvalid, format!("the lake {shown} is a file, not a folder"))
                        .hint("--lake names the folder that holds bronze/evo/entity=…/"));
                }
                if !dir.is_dir() {
                    return Err(Error::new(Kind::SourceInvalid, format!("the lake {shown} does not exist"))
                        .hint("name it with --lake or EVO_LAKE, or create one to try things out: `evo generate`"));
                }
                let directory = Directory::open(dir).context(format!("cannot open the lake {shown}"))?;
                Ok(Self { store: Store::Directory(directory), prefix: String::new(), shown })
            }
            config::LakeAddress::Azure { account, container, prefix } => {
                let opened = Container::open(account.as_deref(), container, azure);
                let container = opened.context(format!("cannot open the lake {shown}"))?;
                Ok(Self { store: Store::Container(container), prefix: prefix.clone(), shown })
            }
        }
    }

    /// The same lake, whose waits between two attempts end when a shutdown is requested.
    pub fn until(self, shutdown: Shutdown) -> Self {
        let store = match self.store {
            Store::Container(container) => Store::Container(container.until(shutdown)),
            directory => directory,
        };
        Self { store, ..self }
    }

    /// The lake's name in messages, which never holds a credential.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether reading an object takes a request over the network.
    pub fn is_remote(&self) -> bool {
        matches!(self.store, Store::Container(_))
    }

    /// The lake's address in one form, however it was written: a folder's path without links, or account,
    /// container and prefix. Two lakes with equal addresses hold the same objects; two with different
    /// addresses may.
    pub fn address(&self) -> String {
        match &self.store {
            Store::Directory(_) => {
                let written = std::path::Path::new(&self.shown);
                let path = written.canonicalize().or_else(|_| std::path::absolute(written));
                format!("file://{}", path.map_or_else(|_| self.shown.clone(), |p| p.display().to_string()))
            }
            Store::Container(container) if self.prefix.is_empty() => container.address(),
            Store::Container(container) => format!("{}/{}", container.address(), self.prefix),
        }
    }

    /// The data objects and manifests below `prefix`, page by page: ordered by path from a container,
    /// unordered from a directory. Data objects end in one of `suffixes`, or in a usual suffix if there are
    /// none. Memory is one page. A name that cannot be used and a folder that cannot be read are
    /// [`Page::unreadable`].
    ///
    /// # Errors
    /// `SourceUnavailable`, `AccessDenied` or `SourceInvalid`; the stream ends with the error.
    pub fn list_pages(
        &self,
        prefix: &str,
        suffixes: &[String],
    ) -> impl Stream<Item = Result<Page>> + Send + Unpin + use<> {
        let below = prefix.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("/");
        let wanted = Wanted { prefix: below.clone(), suffixes: suffixes.to_owned() };
        let lake = self.clone();
        let pages: BoxStream<'static, Result<Page>> = match &self.store {
            Store::Directory(directory) => directory.list(&below, &wanted).boxed(),
            Store::Container(container) => {
                let name = self.name(&below);
                let prefix = if name.is_empty() { name } else { format!("{name}/") };
                let first = Some((container.clone(), prefix, None));
                let lake = self.clone();
                let pages = stream::try_unfold(first, |state| async move {
                    let Some((container, prefix, marker)) = state else { return Ok(None) };
                    let found = container.list(&prefix, marker).await?;
                    let next = found.next.map(|marker| (container, prefix, Some(marker)));
                    Ok(Some((found.blobs, next)))
                });
                pages.map_ok(move |blobs| lake.page(blobs, &wanted)).boxed()
            }
        };
        pages.map(move |page| page.context(format!("cannot list {}", lake.shown)))
    }

    /// All data objects below `prefix`, in the order of [`Lake::list_pages`].
    ///
    /// # Errors
    /// Those of [`Lake::list_pages`].
    pub async fn list(&self, prefix: &str, suffixes: &[String]) -> Result<Vec<Object>> {
        let mut pages = self.list_pages(prefix, suffixes);
        let mut all = Vec::new();
        while let Some(page) = pages.try_next().await? {
            all.extend(page.objects);
        }
        Ok(all)
    }

    /// The bytes of an object in chunks, exactly of the version that `etag` identifies. An interrupted
    /// download resumes where it stopped. The stream ends without an error only when all bytes were
    /// delivered.
    ///
    /// # Errors
    /// `SourceChanged` when the object was replaced or deleted since it was listed; `SourceUnreadable` when
    /// the lake does not give it to this user; `SourceUnavailable` when the attempts are used up;
    /// `AccessDenied`.
    pub async fn read(&self, path: &str, etag: &str) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        Ok(self.body(path, Some(etag)).await?.1)
    }

    /// The content of a small object, in the version that `etag` identifies, or else in the current one.
    ///
    /// # Errors
    /// `SourceInvalid` when it has more than `max_bytes`; otherwise those of [`Lake::read`].
    pub async fn read_small(&self, path: &str, etag: Option<&str>, max_bytes: usize) -> Result<Bytes> {
        let (size, mut body) = self.body(path, etag).await?;
        if size > max_bytes as u64 {
            let message = format!("object {path} has {size} bytes, more than the {max_bytes} that it may have");
            return Err(Error::new(Kind::SourceInvalid, message));
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn body(&self, path: &str, etag: Option<&str>) -> Result<(u64, BoxStream<'static, Result<Bytes>>)> {
        let shown = format!("object {path}");
        let etag = etag.map(str::to_owned);
        let (size, body) = match &self.store {
            Store::Directory(directory) => {
                let (size, body) = directory.read(path, etag).await.context(&shown)?;
                (size, body.boxed())
            }
            Store::Container(container) => {
                let (size, body) = read::read(container.clone(), self.name(path), etag).await.context(&shown)?;
                (size, body.boxed())
            }
        };
        Ok((size, body.map(move |chunk| chunk.context(&shown)).boxed()))
    }

    /// Checks whether an object can be read, with one request that is not repeated.
    ///
    /// # Errors
    /// Those of [`Lake::read`].
    pub async fn probe(&self, path: &str, etag: &str) -> Result<()> {
        let etag = Some(etag.to_owned());
        match &self.store {
            Store::Directory(directory) => directory.read(path, etag).await.map(|_| ()),
            Store::Container(container) => container.probe(&self.name(path), etag.as_deref()).await,
        }
        .context(format!("object {path}"))
    }

    /// A page of a container as a page of the lake, with paths below the lake's root.
    fn page(&self, blobs: Vec<Blob>, wanted: &Wanted) -> Page {
        let mut page = Page::default();
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        for blob in blobs.into_iter().filter(|blob| !blob.is_folder) {
            let path = blob.name.get(cut..).unwrap_or_default().to_owned();
            let kind = wanted.name_kind(&path);
            let is_relevant = matches!(kind, NameKind::Data | NameKind::Manifest);
            match blob.unaskable().filter(|_| is_relevant) {
                Some(reason) => page.set_aside(&path, &reason),
                None => page.put(kind, Object::new(path, blob.etag, blob.size_bytes)),
            }
        }
        page
    }

    /// The container; `None` for a directory.
    pub(super) fn container(&self) -> Option<&Container> {
        match &self.store {
            Store::Container(container) => Some(container),
            Store::Directory(_) => None,
        }
    }

    /// The folder of a directory; `None` for a container.
    pub(super) fn folder(&self) -> Option<&std::path::Path> {
        match &self.store {
            Store::Directory(directory) => Some(directory.root()),
            Store::Container(_) => None,
        }
    }

    /// The name of the blob at a path below the lake's root.
    pub(super) fn name(&self, below: &str) -> String {
        match (self.prefix.as_str(), below) {
            ("", below) => below.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, below) => format!("{prefix}/{below}"),
        }
    }
}
