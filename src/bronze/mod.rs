//! The lake: what objects there are, their bytes, and the records in them. Knows no PostgreSQL.
//!
//! ```text
//! lake ─chunks▶ inflate ─window of 128 KiB▶ records ─one record's bytes▶ lines: NDJSON · array · csv
//! ```

mod array;
mod azure;
mod chunks;
mod csv;
mod inflate;
pub mod lake;
pub mod layout;
pub mod lines;
mod records;
mod room;

pub use chunks::ChunkReader;
pub use lake::{Lake, Object};
pub use lines::{Limits, Line, Lines};
