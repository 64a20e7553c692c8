//! From lines to rows of the temporary stage table: verdict on the JSON, key, content hash, COPY frames.

pub mod decode;
pub mod frame;
pub mod json;
pub mod key;
mod line_set;
pub mod time;

pub use line_set::{LineSet, Seal};

/// The type of the stage table's document column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageAs {
    /// Not at all: the rows go straight into the staging table. Cheapest when every key is new; a key that is not fails
    /// the whole COPY, and so does a document that only the server refuses.
    Direct,
    /// The server parses each document while it is copied: fastest when most rows are new. A document that only
    /// the server refuses fails the whole COPY.
    Jsonb,
    /// Keys and content hashes only: cheapest when most rows are known. The documents that the server does not hold yet
    /// follow in a second COPY ([`frame::DOCUMENT_COLUMNS`]).
    Keys,
    /// The server takes the text and judges each document on its own: finds every refused one in one pass.
    Text,
}

impl StageAs {
    /// SQL type of the document column, also the suffix of the stage table.
    pub fn sql(self) -> &'static str {
        match self {
            StageAs::Direct | StageAs::Jsonb | StageAs::Keys => "jsonb",
            StageAs::Text => "text",
        }
    }

    /// How it is called in the ledger's timings.
    pub fn name(self) -> &'static str {
        match self {
            StageAs::Direct => "direct",
            StageAs::Jsonb => "jsonb",
            StageAs::Keys => "keys",
            StageAs::Text => "text",
        }
    }
}
