//! `--objects`: the objects that a load is asked for by name.

use crate::commands::patterns::like;
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ids::{LakeId, ObjectId};
use crate::ledger::objects;
use crate::pg::Pool;
use crate::visible;

/// The objects of these entities whose paths match; none where none is named.
///
/// # Errors
/// `Usage` for a name that no object of the ledger has; see [`crate::pg`].
pub(super) async fn objects(
    pool: &Pool,
    entities: &[&Entity],
    lake: LakeId,
    names: &[String],
) -> Result<Vec<ObjectId>> {
    let mut found = Vec::new();
    for name in names {
        let patterns = [like(name)];
        let before = found.len();
        for entity in entities {
            let look_up = async || objects::named(&*pool.get().await?, &entity.name, lake, &patterns).await;
            found.extend(pool.retry("looking up the objects", look_up).await?);
        }
        if found.len() == before {
            return Err(unknown(name, entities));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn unknown(name: &str, entities: &[&Entity]) -> Error {
    let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
    let (name, names) = (visible::line(name), names.join(" "));
    Error::new(Kind::Usage, format!("--objects: the ledger knows no object {name} of {names}"))
        .detail("an object that was never loaded is loaded by `evo load` without --objects")
        .hint(format!("evo objects list {names} --state loaded"))
}
