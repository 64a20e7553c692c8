//! A page of a listing: the objects in it, and what could not be listed.

use super::layout::{NameKind, PathMeta, name_kind, path_meta};
use super::names;
use super::sample::Sample;

/// Objects and manifests of one [`Page`] at most: what Azure Blob returns in one answer.
pub const PAGE_OBJECTS: usize = 5_000;

/// An object in a listing.
#[derive(Debug, Clone)]
pub struct Object {
    /// Path below the lake's root.
    pub path: String,
    /// Identity of the content. A directory's is made of inode, time and size.
    pub etag: String,
    /// Size as stored, which is the compressed one.
    pub size_bytes: u64,
    /// Run and ingestion date in its path.
    pub meta: PathMeta,
}

impl Object {
    pub(super) fn new(path: String, etag: String, size_bytes: u64) -> Self {
        Self { meta: path_meta(&path), path, etag, size_bytes }
    }
}

/// A file, blob or folder that cannot be listed or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path below the lake's root, or as much of it as is text.
    pub path: String,
    /// The reason, in words for the operator.
    pub reason: String,
}

/// The folder and the endings that a listing asks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub prefix: String,
    pub suffixes: Vec<String>,
}

impl Wanted {
    /// The kind of an object, by its path below the lake's root.
    pub(super) fn name_kind(&self, path: &str) -> NameKind {
        let below = path.strip_prefix(&self.prefix).map(|below| below.trim_start_matches('/'));
        name_kind(below.unwrap_or(path), &self.suffixes)
    }
}

/// One part of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The data objects, which may be loaded.
    pub objects: Vec<Object>,
    /// The `_manifest.json` of extraction runs.
    pub manifests: Vec<Object>,
    /// Paths of objects with endings that evo does not read.
    pub others: Sample<String>,
    /// Files and folders that could not be listed; objects in such a folder may be missing from this listing.
    pub unreadable: Sample<Unreadable>,
}

impl Page {
    /// Adds an object of this kind.
    pub(super) fn put(&mut self, kind: NameKind, object: Object) {
        if let Some(reason) = names::unusable(&object.path, object.meta.run_id.as_deref()) {
            return self.set_aside(&object.path, &reason);
        }
        match kind {
            NameKind::Data => self.objects.push(object),
            NameKind::Manifest => self.manifests.push(object),
            // An empty object is no loss: some tools mark folders with one.
            NameKind::Other if object.size_bytes > 0 => self.others.add(object.path),
            NameKind::Other | NameKind::Hidden => {}
        }
    }

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
