//! The lake: what objects there are, and their bytes. Knows no PostgreSQL.

mod azure;
pub mod lake;
pub mod layout;
pub mod lines;

pub use lake::{Lake, Object, PAGE_OBJECTS, Page};
pub use lines::{ChunkReader, Lines};
