//! From lines to COPY frames: validation as jsonb, key, content hash. Knows no server.

pub mod decode;
mod first_lines;
pub mod frame;
pub mod json;
pub mod key;
mod known_rows;
mod line_set;
mod seen_key;
mod sieve;
mod text_row;
pub mod time;
mod zone;

pub use first_lines::{FirstLines, LaterLine, Placement};
pub use known_rows::{KnownLines, KnownRows};
pub use line_set::{LineSet, Seal};
pub use seen_key::{seen_key, seen_key_sql};
pub use sieve::Sieve;
pub use zone::{ZoneOffsets, ZoneStep};

/// How the documents of a batch get to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageAs {
    /// Straight into the staging table, without a temporary one. Cheapest when every key is new. A known key
    /// fails the whole COPY, and so does a document that only the server refuses.
    Direct,
    /// Into a temporary table, without the lines that repeat what staging holds of the same objects of older
    /// runs: the rows are fetched before the objects are read. Cheapest when most rows are known.
    Compared,
    /// All into a temporary table, as jsonb on one server: it parses each document while it is copied.
    /// Fastest when most rows are new. A document that only the server refuses fails the whole COPY.
    Jsonb,
    /// Keys and content hashes only. Cheaper when most rows are known and older runs have no such objects:
    /// only the documents that the server does not hold follow, in a second COPY
    /// ([`frame::DOCUMENT_COLUMNS`]).
    Keys,
    /// As text into a temporary table, where the server validates each document by itself. Slowest, but finds
    /// every document that only the server refuses in one pass.
    Text,
}

/// The type of the documents in a temporary table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentType {
    /// The server parses a document while it is copied.
    Jsonb,
    /// It does so later, or hands it on to another server that does.
    Text,
}

impl DocumentType {
    /// Its name in SQL, and suffix of the temporary tables.
    pub fn sql(self) -> &'static str {
        match self {
            DocumentType::Jsonb => "jsonb",
            DocumentType::Text => "text",
        }
    }
}

impl StageAs {
    /// Its name in the timings of `evo.batches`.
    pub fn name(self) -> &'static str {
        match self {
            StageAs::Direct => "direct",
            StageAs::Compared => "compared",
            StageAs::Jsonb => "jsonb",
            StageAs::Keys => "keys",
            StageAs::Text => "text",
        }
    }
}
