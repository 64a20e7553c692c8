//! The lake: what objects there are, their bytes, and the records in them. Knows no PostgreSQL.
//!
//! ```text
//! lake ─chunks▶ inflate ─window of 128 KiB▶ records ─one record's bytes▶ lines: NDJSON · array · csv
//! ```

mod array;
mod azure;
mod chunks;
mod connection_string;
mod container;
mod csv;
mod directory;
mod inflate;
pub mod lake;
pub mod layout;
pub mod lines;
mod read;
mod records;
mod refusal;
mod room;
mod throttle;
mod wire;

pub use chunks::ChunkReader;
pub use lake::{Lake, Object, PAGE_OBJECTS, Page};
pub use lines::{Limits, Line, Lines};
