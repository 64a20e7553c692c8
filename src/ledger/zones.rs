//! The time zones of entities, as the server knows them.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::pg::sqlstate::INVALID_PARAMETER_VALUE;
use crate::suggest::did_you_mean;

/// Makes sure that the server knows the zone of each entity, before anything of it is loaded.
///
/// # Errors
/// `Config` with file and line of an unknown one; otherwise see [`crate::pg`].
pub async fn require_known(connection: &Connection, entities: &[Entity]) -> Result<()> {
    for (i, entity) in entities.iter().enumerate() {
        if entities[..i].iter().any(|other| other.zone == entity.zone) {
            continue;
        }
        match connection.query_one("select now() at time zone $1::text", &[&entity.zone]).await {
            Err(error) if error.sqlstate() == Some(INVALID_PARAMETER_VALUE) => {
                return Err(unknown(connection, entity).await);
            }
            known => drop(known?),
        }
    }
    Ok(())
}

async fn unknown(connection: &Connection, entity: &Entity) -> Error {
    let rows = connection.query("select name from pg_timezone_names order by 1", &[]).await.unwrap_or_default();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let message = format!("{}: the server does not know the time zone {:?}", entity.zone_at, entity.zone);
    Error::new(Kind::Config, message).hint(match did_you_mean(&entity.zone, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "all that it knows: evo db psql -c 'select name from pg_timezone_names'".to_owned(),
    })
}
