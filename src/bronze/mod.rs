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
mod content;
mod csv;
mod directory;
mod gzip;
mod inflate;
pub mod lake;
pub mod layout;
pub mod lines;
mod listing;
mod names;
pub mod order;
mod read;
mod records;
mod refusal;
mod requests;
mod room;
mod sample;
mod throttle;
mod walk;
mod wire;

pub use chunks::ChunkReader;
pub use lake::{Lake, Object, PAGE_OBJECTS, Page, Unreadable};
pub use lines::{Limits, Line, Lines};
pub use sample::Sample;
