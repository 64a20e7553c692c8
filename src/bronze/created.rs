//! What becomes of an object that is written.

/// What became of an object that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// Something was there before, and still is.
    Exists,
}
