//! The readings that keep the select's shape.

use super::binding::{Binding, Draft};
use crate::entity::Select;

/// The select as it was written.
pub(super) fn written(select: &Select, binding: Binding<'_>) -> String {
    Draft::new(select, binding).all()
}

/// The select with casts that give null where a value does not fit.
pub(super) fn careful(select: &Select, binding: Binding<'_>) -> String {
    Draft::careful(select, binding).all()
}
