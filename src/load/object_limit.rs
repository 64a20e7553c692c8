//! How many objects a load may still begin: `--limit`.
//!
//! An object is loaded whole or not at all, so a load that ends early is as true as any other: what it has
//! not begun stays pending.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The objects that a load may begin. Shared by its workers.
#[derive(Debug, Default)]
pub struct ObjectLimit {
    /// How many are left; `None` without a limit.
    left: Option<AtomicUsize>,
}

impl ObjectLimit {
    /// At most this many objects; `None` for all.
    pub fn new(most: Option<usize>) -> Self {
        Self { left: most.map(AtomicUsize::new) }
    }

    /// Whether there is a limit.
    pub(super) fn is_set(&self) -> bool {
        self.left.is_some()
    }

    /// Whether no object may be begun any more.
    pub(super) fn is_reached(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.load(Ordering::Acquire) == 0)
    }

    /// Takes as many of `wanted` objects as may be begun. Returns how many.
    pub(super) fn take(&self, wanted: usize) -> usize {
        let Some(left) = &self.left else { return wanted };
        let taken = left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| Some(left.saturating_sub(wanted)));
        taken.map_or(0, |before| before.min(wanted))
    }

    /// Gives objects back that were taken and not begun.
    pub(super) fn give_back(&self, objects: usize) {
        if let Some(left) = &self.left {
            left.fetch_add(objects, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_objects_are_begun_than_the_limit_says() {
        let limit = ObjectLimit::new(Some(5));
        assert_eq!((limit.take(3), limit.take(3), limit.take(1)), (3, 2, 0));
        assert!(limit.is_reached());
        limit.give_back(2);
        assert!(!limit.is_reached());
        assert_eq!(limit.take(7), 2);
        let none = ObjectLimit::default();
        assert_eq!(none.take(1_000), 1_000);
        none.give_back(1);
        assert!(!none.is_set() && !none.is_reached());
    }
}
