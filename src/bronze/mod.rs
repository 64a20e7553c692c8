//! The lake: its objects, their bytes, and the records in them. Reads objects, and writes them whole. Knows
//! nothing of PostgreSQL.
//!
//! ```text
//! lake ─chunks▶ inflate ─window of 128 KiB▶ records ─bytes of one record▶ lines: NDJSON · array · CSV
//! ```

mod array;
mod azure;
pub mod chunks;
mod connection_string;
mod container;
mod content;
mod created;
mod csv;
mod directory;
mod gzip;
mod inflate;
mod lake;
mod layout;
mod lines;
mod listing;
mod names;
pub mod order;
mod page;
mod read;
mod records;
mod requests;
mod room;
mod sample;
mod store_error;
mod throttle;
mod transport;
mod walk;
mod write;

pub use chunks::{ChunkReader, ChunkWriter};
pub use created::Created;
pub use gzip::gunzip;
pub use lake::Lake;
pub use layout::PathMeta;
pub use lines::{Limits, Lines};
pub use page::{Object, PAGE_OBJECTS, Page, Unreadable};
pub use records::Line;
pub use sample::Sample;
pub use write::is_full;
