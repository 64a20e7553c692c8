//! The lake behind one interface: a local directory or an Azure Blob container.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};

use super::layout::{Place, is_data, place};
use crate::config;
use crate::error::{Error, Kind, Result};

/// A place with bronze objects.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    shown: String,
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

impl Lake {
    /// Opens the lake that the settings name.
    ///
    /// # Errors
    /// `SourceInvalid` when the directory does not exist; `Config` when Azure's settings are not enough.
    pub fn open(lake: &config::Lake, azure: &config::Azure) -> Result<Self> {
        match lake {
            config::Lake::Directory(dir) => {
                let shown = dir.display().to_string();
                if !dir.is_dir() {
                    return Err(Error::new(Kind::SourceInvalid, format!("the lake {shown} does not exist"))
                        .hint("name it with --lake or EVO_LAKE, or make one to try things out: `evo generate`"));
                }
                let store = LocalFileSystem::new_with_prefix(dir)
                    .map_err(|e| from_store(e).context(format!("cannot open the lake {shown}")))?;
                Ok(Self { store: Arc::new(store), prefix: String::new(), shown })
            }
            config::Lake::Azure { account, container, prefix } => {
                let store = super::azure::open(account.as_deref(), container, azure)?;
                Ok(Self { store, prefix: prefix.clone(), shown: lake.to_string() })
            }
        }
    }

    /// How the lake is named in messages; never holds a credential.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// All data objects below `prefix`, in no particular order; `suffixes` as in [`is_data`].
    ///
    /// # Errors
    /// `SourceUnavailable`, `AccessDenied` or `SourceInvalid`.
    pub async fn list(&self, prefix: &str, suffixes: &[String]) -> Result<Vec<Object>> {
        let below = self.path(prefix);
        let cut = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        let mut listing = self.store.list(Some(&below));
        let mut objects = Vec::new();
        while let Some(meta) = listing.try_next().await.map_err(|e| self.listing_failed(e))? {
            let path = meta.location.as_ref().get(cut..).unwrap_or_default().to_owned();
            let name = path.strip_prefix(prefix).unwrap_or(&path);
            if is_data(name, suffixes) {
                let etag =
                    meta.e_tag.unwrap_or_else(|| format!("{}-{}", meta.last_modified.timestamp_micros(), meta.size));
                objects.push(Object { place: place(&path), path, etag, size_bytes: meta.size });
            }
        }
        Ok(objects)
    }

    /// While listing there is no object that could have changed: what is not found is the container.
    fn listing_failed(&self, e: object_store::Error) -> Error {
        let error = from_store(e);
        match error.kind() {
            Kind::SourceChanged => Error::new(Kind::SourceInvalid, format!("the lake {} does not exist", self.shown))
                .caused_by(error)
                .hint("check the container's name in --lake, and the account"),
            _ => error.context(format!("cannot list {}", self.shown)),
        }
    }

    /// The bytes of an object, in chunks, exactly of the version that `etag` names.
    ///
    /// # Errors
    /// `SourceChanged` when it was replaced or deleted since it was listed; `SourceUnavailable`, `AccessDenied`.
    pub async fn read(&self, path: &str, etag: &str) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let shown = format!("object {path}");
        let options = GetOptions { if_match: Some(etag.to_owned()), ..GetOptions::default() };
        let got = self.store.get_opts(&self.path(path), options).await.map_err(|e| from_store(e).context(&shown))?;
        Ok(got.into_stream().map(move |chunk| chunk.map_err(|e| from_store(e).context(&shown))))
    }

    /// Whether an object exists.
    ///
    /// # Errors
    /// As [`Lake::list`].
    pub async fn exists(&self, path: &str) -> Result<bool> {
        match self.store.head(&self.path(path)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(from_store(e)),
        }
    }

    fn path(&self, below: &str) -> Path {
        if self.prefix.is_empty() { Path::from(below) } else { Path::from(format!("{}/{below}", self.prefix)) }
    }
}

/// What an error of the store means.
fn from_store(e: object_store::Error) -> Error {
    use object_store::Error as E;
    let (kind, message) = match &e {
        E::NotFound { path, .. } => (Kind::SourceChanged, format!("{path} is gone or was never there")),
        E::Precondition { path, .. } | E::NotModified { path, .. } => {
            (Kind::SourceChanged, format!("{path} was replaced while it was read"))
        }
        E::PermissionDenied { path, .. } => (Kind::AccessDenied, format!("access to {path} is denied")),
        E::Unauthenticated { .. } => (Kind::AccessDenied, "the credentials of the lake are not accepted".to_owned()),
        E::InvalidPath { source } => (Kind::SourceInvalid, format!("a path is not valid: {source}")),
        E::UnknownConfigurationKey { key, .. } => (Kind::Config, format!("unknown storage setting {key}")),
        _ => generic(&e),
    };
    let error = Error::new(kind, message).caused_by(e);
    match kind {
        Kind::AccessDenied => error.hint(
            "check the key, the signature's rights and its expiry, or the identity's role (Storage Blob Data Reader)",
        ),
        _ => error,
    }
}

/// The client does not tell some answers apart. Its text may hold a signature and is only searched, never shown.
fn generic(e: &object_store::Error) -> (Kind, String) {
    let text = format!("{e:?}");
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "403 Forbidden",
        "status: 403",
        "401 Unauthorized",
    ]) {
        return (Kind::AccessDenied, "access to the lake is denied".to_owned());
    }
    if says(&["ContainerNotFound", "404 Not Found", "status: 404"]) {
        return (Kind::SourceChanged, "the container is not there".to_owned());
    }
    let mut innermost: &dyn std::error::Error = e;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let cause = innermost.downcast_ref::<std::io::Error>().map_or(String::new(), |io| format!(": {io}"));
    (Kind::SourceUnavailable, format!("the lake cannot be read{cause}"))
}
