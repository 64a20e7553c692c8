//! From lines to COPY frames: validation as jsonb, key, content hash. Knows no server.

pub mod decode;
pub mod frame;
pub mod json;
pub mod key;
mod line_set;
pub mod time;

pub use line_set::{LineSet, Seal};

/// How the documents of a batch get to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageAs {
    /// Straight into the staging table, without a temporary one. Cheapest when every key is new. A known key
    /// fails the whole COPY, and so does a document that only the server refuses.
    Direct,
    /// As jsonb into a temporary table: the server parses each document while it is copied. Fastest when most
    /// rows are new. A document that only the server refuses fails the whole COPY.
    Jsonb,
    /// Keys and content hashes only. Cheapest when most rows are known: only the documents that the server
    /// does not hold follow, in a second COPY ([`frame::DOCUMENT_COLUMNS`]).
    Keys,
    /// As text into a temporary table, where the server validates each document by itself. Slowest, but finds
    /// every document that only the server refuses in one pass.
    Text,
}

impl StageAs {
    /// SQL type of the document column, and suffix of the temporary table.
    pub fn sql(self) -> &'static str {
        match self {
            StageAs::Direct | StageAs::Jsonb | StageAs::Keys => "jsonb",
            StageAs::Text => "text",
        }
    }

    /// Its name in the timings of `evo.batches`.
    pub fn name(self) -> &'static str {
        match self {
            StageAs::Direct => "direct",
            StageAs::Jsonb => "jsonb",
            StageAs::Keys => "keys",
            StageAs::Text => "text",
        }
    }
}
