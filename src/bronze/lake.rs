//! The lake behind one interface: a local directory or an Azure Blob container.

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::container::Container;
use super::directory::Directory;
use super::layout::{Place, is_data, is_manifest, place};
use super::read;
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

/// What a listing is asked for.
#[derive(Debug, Clone)]
struct Wanted {
    prefix: String,
    suffixes: Vec<String>,
}

impl Wanted {
    fn is_data(&self, path: &str) -> bool {
        is_data(path.strip_prefix(&self.prefix).unwrap_or(path), &self.suffixes)
    }
}

/// Part of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Data objects.
    pub objects: Vec<Object>,
    /// The `_manifest.json` of extraction runs.
    pub manifests: Vec<Object>,
}

/// Objects and manifests together in one [`Page`], at most: what Azure Blob gives in one answer.
pub const PAGE_OBJECTS: usize = 5_000;

impl Lake {
    /// Opens the lake that the settings name.
    ///
    /// # Errors
    /// `SourceInvalid` when the directory does not exist; `Config` when Azure's settings are not enough.
    pub fn open(lake: &config::Lake, azure: &config::Azure) -> Result<Self> {
        let shown = lake.to_string();
        match lake {
            config::Lake::Directory(dir) => {
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
            config::Lake::Azure { account, container, prefix } => {
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

    /// The data objects (see [`is_data`] for `suffixes`) and manifests below `prefix`, page by page: in the order of their paths from a container, in no
    /// particular order from a directory. Memory is one page.
    ///
    /// # Errors
    /// `SourceUnavailable`, `AccessDenied` or `SourceInvalid`; the stream ends with the error.
    pub fn list_pages(
        &self,
        prefix: &str,
        suffixes: &[String],
    ) -> impl Stream<Item = Result<Page>> + Send + Unpin + use<> {
        let below = self.path(prefix);
        let wanted = Wanted { prefix: prefix.to_owned(), suffixes: suffixes.to_owned() };
        let lake = self.clone();
        let pages: BoxStream<'static, Result<Vec<ObjectMeta>>> = match &self.store {
            Store::Directory(directory) => {
                let wanted = wanted.clone();
                let found = directory.list(&below).try_filter(move |meta| {
                    let path = meta.location.as_ref();
                    std::future::ready(wanted.is_data(path) || is_manifest(path))
                });
                found.try_chunks(PAGE_OBJECTS).map_err(|e| e.1).boxed()
            }
            Store::Container(container) => {
                let prefix = if below.as_ref().is_empty() { String::new() } else { format!("{below}/") };
                let first = Some((container.clone(), prefix, None));
                stream::try_unfold(first, |state| async move {
                    let Some((container, prefix, token)) = state else { return Ok(None) };
                    let page = container.list(&prefix, token).await?;
                    let next = page.page_token.map(|token| (container, prefix, Some(token)));
                    Ok(Some((page.result.objects, next)))
                })
                .boxed()
            }
        };
        pages.map(move |metas| {
            let mut page = Page::default();
            for meta in metas.context(format!("cannot list {}", lake.shown))? {
                lake.sort_into(&mut page, meta, &wanted);
            }
            Ok(page)
        })
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
        let (location, etag) = (self.path(path), etag.map(str::to_owned));
        let (size, body) = match &self.store {
            Store::Directory(directory) => {
                let (size, body) = directory.read(location, etag).await.context(&shown)?;
                (size, body.boxed())
            }
            Store::Container(container) => {
                let (size, body) = read::read(container.clone(), location, etag).await.context(&shown)?;
                (size, body.boxed())
            }
        };
        Ok((size, body.map(move |chunk| chunk.context(&shown)).boxed()))
    }

    /// Puts a listed object into the page, unless it is neither data nor a manifest.
    fn sort_into(&self, page: &mut Page, meta: ObjectMeta, wanted: &Wanted) {
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let path = meta.location.as_ref().get(cut..).unwrap_or_default().to_owned();
        let to = match (wanted.is_data(&path), is_manifest(&path)) {
            (true, _) => &mut page.objects,
            (_, true) => &mut page.manifests,
            _ => return,
        };
        let etag = meta.e_tag.unwrap_or_else(|| format!("{}-{}", meta.last_modified.timestamp_micros(), meta.size));
        to.push(Object { place: place(&path), path, etag, size_bytes: meta.size });
    }

    fn path(&self, below: &str) -> Path {
        if self.prefix.is_empty() { Path::from(below) } else { Path::from(format!("{}/{below}", self.prefix)) }
    }
}
