//! The lake behind one interface: a local directory or an Azure Blob container.

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::container::Container;
use super::directory::Directory;
use super::layout::{Place, Sort, place, sort};
use super::listing::Blob;
use super::sample::Sample;
use super::{names, read};
use crate::config;
use crate::error::{Context, Error, Kind, Result};
use crate::shutdown::Shutdown;

/// A place with bronze objects. Clones share connections, tokens and the limit on requests at once.
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

/// An object as listed.
#[derive(Debug, Clone)]
pub struct Object {
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content; a directory's is made of inode, time and size.
    pub etag: String,
    /// Compressed size.
    pub size_bytes: u64,
    /// Run and date in its path.
    pub place: Place,
}

/// What cannot be listed or read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path below the lake's root, or as much of it as is text.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What a listing is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub prefix: String,
    pub suffixes: Vec<String>,
}

impl Wanted {
    /// What the name of an object below the lake's root says.
    pub(super) fn sort(&self, path: &str) -> Sort {
        let below = path.strip_prefix(&self.prefix).map(|below| below.trim_start_matches('/'));
        sort(below.unwrap_or(path), &self.suffixes)
    }

    /// Puts an object into the page.
    pub(super) fn put(&self, page: &mut Page, path: String, etag: String, size_bytes: u64) {
        let (sort, place) = (self.sort(&path), place(&path));
        if let Some(reason) = names::unusable(&path, place.run_id.as_deref()) {
            return page.set_aside(&path, &reason);
        }
        let object = Object { place, path, etag, size_bytes };
        match sort {
            Sort::Data => page.objects.push(object),
            Sort::Manifest => page.manifests.push(object),
            // What holds nothing loses nothing: some tools mark folders so.
            Sort::Other if size_bytes > 0 => page.others.add(object.path),
            Sort::Other | Sort::Hidden => {}
        }
    }
}

/// Part of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Data objects.
    pub objects: Vec<Object>,
    /// The `_manifest.json` of extraction runs.
    pub manifests: Vec<Object>,
    /// Paths of objects with endings that evo does not read.
    pub others: Sample<String>,
    /// What could not be listed; what it holds may be missing in this listing.
    pub unreadable: Sample<Unreadable>,
}

impl Page {
    pub(super) fn set_aside(&mut self, path: &str, reason: &str) {
        self.unreadable.add(Unreadable { path: path.to_owned(), reason: reason.to_owned() });
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len() + self.manifests.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.others.is_empty() && self.unreadable.is_empty()
    }

    #[cfg(test)]
    pub(super) fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.manifests.extend(other.manifests);
        self.others.extend(other.others);
        self.unreadable.extend(other.unreadable);
    }
}

/// Objects and manifests together in one [`Page`], at most: what Azure Blob gives in one answer.
pub const PAGE_OBJECTS: usize = 5_000;

impl Lake {
    /// Opens the lake that the settings name.
    ///
    /// # Errors
    /// `SourceInvalid` when the directory does not exist; `Config` when Azure's settings are not enough.
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
                        .hint("name it with --lake or EVO_LAKE, or make one to try things out: `evo generate`"));
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

    /// The same lake, with every wait before a repeated request ending when a stop is asked for.
    pub fn until(self, shutdown: Shutdown) -> Self {
        let store = match self.store {
            Store::Container(container) => Store::Container(container.until(shutdown)),
            directory => directory,
        };
        Self { store, ..self }
    }

    /// How the lake is named in messages; never holds a credential.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether each object is a request over a network.
    pub fn is_remote(&self) -> bool {
        matches!(self.store, Store::Container(_))
    }

    /// Where the lake is, however it was written: a folder's path without links, or account, container and prefix. Two that
    /// are equal lead to the same objects; of two that differ nobody knows.
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

    /// The data objects (see [`sort`] for `suffixes`) and manifests below `prefix`, page by page: in the order of their
    /// paths from a container, in no particular order from a directory. Memory is one page. A name that cannot be used
    /// and a folder that cannot be read are set aside in their page.
    ///
    /// # Errors
    /// `SourceUnavailable`, `AccessDenied` or `SourceInvalid` when there is no listing; the stream ends with the error.
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
    /// As [`Lake::list_pages`].
    pub async fn list(&self, prefix: &str, suffixes: &[String]) -> Result<Vec<Object>> {
        let mut pages = self.list_pages(prefix, suffixes);
        let mut all = Vec::new();
        while let Some(page) = pages.try_next().await? {
            all.extend(page.objects);
        }
        Ok(all)
    }

    /// The bytes of an object, in chunks, exactly of the version that `etag` names. The stream ends without an error
    /// only when all of them were delivered; what interrupts it is repeated from where it stopped.
    ///
    /// # Errors
    /// `SourceChanged` when it was replaced or deleted since it was listed; `SourceUnavailable`, `AccessDenied`.
    pub async fn read(&self, path: &str, etag: &str) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        Ok(self.body(path, Some(etag)).await?.1)
    }

    /// The whole of a small object; of the version that `etag` names, if one is given.
    ///
    /// # Errors
    /// `SourceInvalid` when it has more than `max_bytes`; as [`Lake::read`].
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

    /// Whether an object can be read: its first bytes are asked for once, without patience.
    ///
    /// # Errors
    /// As [`Lake::read`].
    pub async fn probe(&self, path: &str, etag: &str) -> Result<()> {
        let etag = Some(etag.to_owned());
        match &self.store {
            Store::Directory(directory) => directory.read(path, etag).await.map(|_| ()),
            Store::Container(container) => container.probe(&self.name(path), etag.as_deref()).await,
        }
        .context(format!("object {path}"))
    }

    /// A page of a container as the lake's: its blobs by their paths below the lake's root.
    fn page(&self, blobs: Vec<Blob>, wanted: &Wanted) -> Page {
        let mut page = Page::default();
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        for blob in blobs.into_iter().filter(|blob| !blob.is_folder) {
            let path = blob.name.get(cut..).unwrap_or_default().to_owned();
            let sort = wanted.sort(&path);
            let is_relevant = matches!(sort, Sort::Data | Sort::Manifest);
            let reason = match blob.is_garbled {
                true => Some("its name is no text, so that it can neither be kept nor asked for".to_owned()),
                false => names::unaskable(&blob.name),
            };
            match reason.filter(|_| is_relevant) {
                Some(reason) => page.set_aside(&path, &reason),
                None => wanted.put(&mut page, path, blob.etag, blob.size_bytes),
            }
        }
        page
    }

    /// The name of a blob.
    fn name(&self, below: &str) -> String {
        match (self.prefix.as_str(), below) {
            ("", below) => below.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, below) => format!("{prefix}/{below}"),
        }
    }
}
