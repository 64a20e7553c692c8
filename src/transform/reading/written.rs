//! The readings that keep the select's shape.

use super::text::{Rows, Text};
use crate::entity::Select;

/// The select as it was written.
pub(in crate::transform) fn written(select: &Select, rows: Rows<'_>) -> String {
    Text::new(select, rows).all()
}

/// The select with casts that give null where a value does not fit.
pub(in crate::transform) fn careful(select: &Select, rows: Rows<'_>) -> String {
    Text::careful(select, rows).all()
}
