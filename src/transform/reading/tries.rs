//! How long the typed reading of a model is tried.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A document that does not fit may be the only one. Where there are more, every part would be read twice.
const MOST: usize = 3;

/// The parts of a table on which the typed reading of its model has failed.
#[derive(Debug, Default)]
pub(in crate::transform) struct TypedTries(AtomicUsize);

impl TypedTries {
    /// For a table of which it must not be tried.
    pub(in crate::transform) fn none() -> Self {
        Self(AtomicUsize::new(MOST))
    }

    /// Whether to try it on another part.
    pub(in crate::transform) fn are_left(&self) -> bool {
        self.0.load(Ordering::Relaxed) < MOST
    }

    /// Notes that it failed on a part.
    pub(in crate::transform) fn fail(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_may_fail() {
        let tries = TypedTries::default();
        let left = [(); 5].map(|()| {
            let are_left = tries.are_left();
            tries.fail();
            are_left
        });
        assert_eq!(left, [true, true, true, false, false]);
    }
}
