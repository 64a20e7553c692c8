//! From lines to rows of the temporary stage table: verdict on the JSON, key, content hash, COPY frames.

pub mod decode;
pub mod frame;
pub mod json;
pub mod key;

/// The type of the stage table's document column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageAs {
    /// The server parses each document while it is copied: fastest when most rows are new. A document that only
    /// the server refuses fails the whole COPY.
    Jsonb,
    /// The server takes the text and judges each document on its own: finds every refused one in one pass.
    Text,
}

impl StageAs {
    /// SQL type and table suffix.
    pub fn sql(self) -> &'static str {
        match self {
            StageAs::Jsonb => "jsonb",
            StageAs::Text => "text",
        }
    }
}
