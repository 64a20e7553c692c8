//! The outcome of writing an object that may exist already.

/// The outcome of creating an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object was created.
    New,
    /// An object was there before, and is unchanged.
    Exists,
}
