//! The lake: what objects there are, and their bytes. Knows no PostgreSQL.

mod azure;
mod connection_string;
mod container;
mod directory;
pub mod lake;
pub mod layout;
pub mod lines;
mod read;
mod refusal;
mod throttle;
mod wire;

pub use lake::{Lake, Object, PAGE_OBJECTS, Page};
pub use lines::{ChunkReader, Lines};
