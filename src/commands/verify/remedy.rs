//! The commands that repair what is wrong.

use std::collections::BTreeSet;

use super::verified::VerifiedEntity;
use crate::ids::RowKey;
use crate::verify::MismatchKind;
use crate::visible;

/// With more keys or objects than this a command that lists them is no help.
const LISTED: usize = 20;

/// The commands that repair what was found, in the order in which to run them.
pub(super) fn commands(verified: &VerifiedEntity) -> Vec<String> {
    let (entity, mut commands) = (&verified.entity, Vec::new());
    if verified.found.count(MismatchKind::ObjectReplaced) > 0 {
        commands.push(format!("evo load {entity}"));
    }
    let needs_deletes =
        [MismatchKind::RowAltered, MismatchKind::RowOutdated, MismatchKind::RowAdded, MismatchKind::RowCount];
    if needs_deletes.iter().any(|kind| verified.found.count(*kind) > 0) {
        commands.push(format!("evo verify {entity} --deep --repair"));
        return commands;
    }
    let missing = verified.of(&[MismatchKind::RowMissing]);
    let paths: BTreeSet<&str> = missing.iter().filter_map(|m| Some(m.place.as_ref()?.path.as_str())).collect();
    if paths.len() > LISTED {
        commands.push(format!("evo verify {entity} --deep --repair"));
        return commands;
    }
    if !paths.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
        commands.push(format!("evo load {entity} --objects {}", paths.join(" ")));
    }
    let keys = verified.keys();
    match keys.len() {
        0 => {}
        1..=LISTED => {
            let list = keys.iter().map(RowKey::part).collect::<Vec<_>>().join(",");
            let is_text = keys.iter().any(|key| matches!(key, RowKey::Text(_)));
            let list = if is_text { quoted(&list) } else { list };
            commands.push(format!("evo transform {entity} --keys {list}"));
        }
        _ => commands.push(format!("evo transform {entity} --in-place")),
    }
    commands
}

/// A text as a shell takes it.
fn quoted(path: &str) -> String {
    format!("'{}'", visible::line(path).replace('\'', r"'\''"))
}
