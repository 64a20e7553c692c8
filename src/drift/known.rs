//! The fields of an entity that `evo.fields` has.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::pg::Transaction;

/// An entity has at most this many fields.
const MAX_FIELDS: usize = 10_000;
/// At most this many new fields are found in one transform.
const MAX_NEW: usize = 2_001;

/// The fields of an entity that are recorded.
#[derive(Debug, Default)]
pub struct KnownFields {
    /// The JSON types of each path, in order.
    types: HashMap<String, Vec<String>>,
    /// How many names each object has.
    names: HashMap<String, i64>,
    /// Objects whose further names are one field.
    crowded: HashSet<String>,
}

impl KnownFields {
    /// Reads the fields of an entity.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn read(tx: &Transaction<'_>, entity: &str) -> Result<Self> {
        let rows = tx.query(sql_file!("drift/known.sql"), &[&entity]).await?;
        Ok(Self::of(rows.iter().map(|row| (row.get(0), row.get(1)))))
    }

    /// Takes each path with its types.
    pub fn of(fields: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        let mut known = Self::default();
        for (path, types) in fields {
            if !path.ends_with("[]") {
                let (object, name) = path.rsplit_once('.').unwrap_or(("", &path));
                *known.names.entry(object.to_owned()).or_default() += 1;
                if name == "*" {
                    known.crowded.insert(object.to_owned());
                }
            }
            known.types.insert(path, types);
        }
        known
    }

    /// Whether nothing is known of the entity.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The types that a path has had; `None` if it is not known.
    pub fn types(&self, path: &str) -> Option<&[String]> {
        self.types.get(path).map(Vec::as_slice)
    }

    /// How many names of an object are known.
    pub fn names(&self, object: &str) -> i64 {
        self.names.get(object).copied().unwrap_or_default()
    }

    /// Whether further names of an object are one field.
    pub fn is_crowded(&self, object: &str) -> bool {
        self.crowded.contains(object)
    }

    /// From now on further names of these objects are one field.
    pub fn crowd(&mut self, objects: Vec<String>) {
        self.crowded.extend(objects);
    }

    /// How many new fields may be recorded.
    pub fn room(&self) -> usize {
        MAX_FIELDS.saturating_sub(self.types.len()).min(MAX_NEW)
    }
}
