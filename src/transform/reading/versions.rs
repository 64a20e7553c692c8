//! What a model gives for the versions of documents, as rows that count from one time until another.

use crate::entity::{Entity, History, Model};
use crate::sql::{columns, fill, ident};

/// The column of a version with the time of the next one.
pub(super) const UNTIL: &str = "evo_until";

/// The history that a model gives. `text` is its select over all versions of some documents, with [`UNTIL`].
///
/// Columns that begin with an underscore say where a row came from: of rows that differ in nothing else, the
/// first one stands for all.
pub(super) fn history(entity: &Entity, model: &Model, history: &History, text: &str) -> String {
    let given: Vec<&str> = model.select.columns().iter().map(|column| column.name.as_str()).collect();
    let is_value = |name: &&&str| !name.starts_with('_') && !model.key.iter().any(|key| key == **name);
    let values: Vec<String> = given.iter().filter(is_value).map(|name| format!("m.{}", ident(name))).collect();
    let differs = match values.is_empty() {
        true => "false".to_owned(),
        false => {
            let before: Vec<String> = values.iter().map(|value| format!("lag({value}) over w")).collect();
            format!("row({}) is distinct from row({})", values.join(", "), before.join(", "))
        }
    };
    fill(
        sql_file!("transform/versions/history.sql").trim_end(),
        &[
            ("columns", &columns(&given)),
            ("ends", &ident(History::ENDS)),
            ("identity", &columns(&model.identity(entity))),
            ("time", &ident(&history.column)),
            ("differs", &differs),
            ("model", text),
        ],
    )
}
