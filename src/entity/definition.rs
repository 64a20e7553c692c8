//! An entity as its declaration describes it.

use std::path::PathBuf;

use serde::Deserialize;

use super::contract::FieldContract;
use super::dates::DateFormat;
use super::extract::Query;
use super::header::Header;
use super::input::Input;
use super::key::{History, KeyRule, KeyTime, KeyType, Partition};
use super::missing::{MissingRows, Snapshots, is_unbounded};
use super::model::Select;

/// One entity: where its objects are, how a document's key is read, where it is staged, which models it
/// feeds.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Name on the command line and in the ledger: `sales`.
    pub name: String,
    /// Path of its objects below the lake's root, without slashes around it: `bronze/evo/entity=sales`.
    pub bronze_prefix: String,
    /// Time zone of the local times in its documents, as PostgreSQL names it.
    pub zone: String,
    /// Where its declaration names the zone: `own/models/visits/entity.toml:3`.
    pub zone_at: String,
    /// The folder of its declaration; `None` for a built-in entity.
    pub folder: Option<PathBuf>,
    /// Formats in which its documents write dates and times, besides ISO 8601.
    pub dates: Vec<DateFormat>,
    /// Its staging table.
    pub staging: Staging,
    /// Where its declaration names it: `own/models/visits/entity.toml:6`.
    pub staging_at: String,
    /// How its objects are written.
    pub input: Input,
    /// Which requests bring its records; none where somebody else writes its objects.
    pub queries: Vec<Query>,
    /// What becomes of rows that the source no longer has.
    pub missing: MissingRows,
    /// Which runs that evo did not extract hold everything; `None` if that is not known of any.
    pub snapshot: Option<Snapshots>,
    /// What a change of its documents is worth; `None` if nobody has said so.
    pub contract: Option<FieldContract>,
    /// How the key is read from a document.
    pub key: KeyRule,
    /// The second part of the key, where the staging table is partitioned by time.
    pub partition: Option<Partition>,
    /// The second part of the key, where staging keeps each version of a document.
    pub history: Option<History>,
    /// Its core tables, parent first.
    pub models: Vec<Model>,
}

/// The staging table of an entity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staging {
    /// Qualified name, not quoted: `stg_evo.sales_raw`.
    pub table: String,
    /// Its key column: `sale_id`.
    pub key_column: String,
}

/// One SQL select that fills one core table.
#[derive(Debug, Clone)]
pub struct Model {
    /// Qualified core table, not quoted: `core.evo_sales`.
    pub table: String,
    /// The column of this table that holds the parent's key.
    pub parent_key: String,
    /// All key columns; never empty.
    pub key: Vec<String>,
    /// The select as data.
    pub select: Select,
    /// Its rows are versions: the table has one for each time at which the document changed what it shows.
    pub is_history: bool,
    /// 32 hex digits that change with what its rows are made by: the select, without comments and white
    /// space, the key, and zone and date formats where it reads them.
    pub digest: String,
}

impl Model {
    /// Where the header of its file says this: `own/models/visits/visits.sql:4`.
    pub fn place(&self, label: &str) -> String {
        let (file, text) = (self.select.file(), self.select.whole());
        Header::read(file, text).all(label).next().map_or_else(|| format!("{file}:1"), |line| line.place())
    }

    /// The columns that tell its rows apart, but for the time of a version: what has versions.
    pub fn identity(&self, entity: &Entity) -> Vec<&str> {
        let time = entity.history.as_ref().filter(|_| self.is_history).map(|history| history.column.as_str());
        self.key.iter().map(String::as_str).filter(|column| Some(*column) != time).collect()
    }
}

impl Entity {
    /// The file of its declaration, as messages name it.
    pub fn file(&self) -> &str {
        self.zone_at.rsplit_once(':').map_or("", |(file, _)| file)
    }

    /// The type of its keys.
    pub fn key_type(&self) -> KeyType {
        self.key.key_type()
    }

    /// Whether an extraction of it holds everything, whatever its days.
    pub fn is_extracted_whole(&self) -> bool {
        self.queries.first().is_some_and(is_unbounded)
    }

    /// The time in its keys, if there is one.
    pub fn key_time(&self) -> Option<KeyTime<'_>> {
        match (&self.partition, &self.history) {
            (Some(part), _) => Some(KeyTime { column: &part.column, fields: std::slice::from_ref(&part.field) }),
            (None, Some(history)) => Some(KeyTime { column: &history.column, fields: &history.fields }),
            (None, None) => None,
        }
    }

    /// Staging key columns in order: the key column and, if there is a time in the key, its column.
    pub fn staging_key(&self) -> Vec<&str> {
        let mut key = self.document_key();
        key.extend(self.history.as_ref().map(|history| history.column.as_str()));
        key
    }

    /// The columns that tell documents apart. The versions of a document, where staging keeps them, have the
    /// same: the rows that they give in core are made together.
    pub fn document_key(&self) -> Vec<&str> {
        let mut key = vec![self.staging.key_column.as_str()];
        key.extend(self.partition.as_ref().map(|partition| partition.column.as_str()));
        key
    }
}
