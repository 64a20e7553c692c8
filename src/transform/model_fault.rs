//! A model that the server does not understand.

use crate::error::{Error, Kind};
use crate::pg::SCHEMA_HINT;

/// The failure of a model's statement. What the server does not understand in it is for the model's author to
/// correct: a column that does not exist, or a mistake in the SQL.
pub(super) fn of_author(error: Error) -> Error {
    if !matches!(error.kind(), Kind::StatementInvalid | Kind::SchemaChanged) {
        return error;
    }
    let error = error.of_kind(Kind::Config);
    match error.hint_text() {
        Some(hint) if hint != SCHEMA_HINT => error,
        _ => error.hint("correct the model, or the columns of its table; nothing was changed in it"),
    }
}
