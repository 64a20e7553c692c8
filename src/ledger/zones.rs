//! The time zones of entities, as the server knows them.

use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;
use crate::pg::sqlstate::INVALID_PARAMETER_VALUE;
use crate::suggest::did_you_mean;

/// Makes sure that the server knows the zone of each entity, and those that its models name, before anything
/// of it is loaded.
///
/// # Errors
/// `Config` with file and line of an unknown one; otherwise see [`crate::pg`].
pub async fn require_known(connection: &Connection, entities: &[Entity]) -> Result<()> {
    let mut known: Vec<&str> = Vec::new();
    for (zone, place) in entities.iter().flat_map(zones) {
        if known.contains(&zone) {
            continue;
        }
        match connection.query_one("select now() at time zone $1::text", &[&zone]).await {
            Err(error) if error.sqlstate() == Some(INVALID_PARAMETER_VALUE) => {
                return Err(unknown(connection, zone, &place).await);
            }
            answered => drop(answered?),
        }
        known.push(zone);
    }
    Ok(())
}

/// The zones that an entity names, each with file and line.
fn zones(entity: &Entity) -> impl Iterator<Item = (&str, String)> {
    let selects = entity.models.iter().map(|model| &model.select);
    let of_models =
        selects.flat_map(|select| select.zones().iter().map(|(zone, at)| (zone.as_str(), select.place(at.start))));
    std::iter::once((entity.zone.as_str(), entity.zone_at.clone())).chain(of_models)
}

async fn unknown(connection: &Connection, zone: &str, place: &str) -> Error {
    let rows = connection.query("select name from pg_timezone_names order by 1", &[]).await.unwrap_or_default();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let message = format!("{place}: the server does not know the time zone {zone:?}");
    Error::new(Kind::Config, message).hint(match did_you_mean(zone, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "all that it knows: evo db psql -c 'select name from pg_timezone_names'".to_owned(),
    })
}
