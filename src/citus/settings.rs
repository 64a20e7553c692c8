//! Settings of the sessions in which other servers evaluate models.

use crate::error::{Error, Kind, Result};
use crate::pg::{Ask, Connection};

/// A setting of the role's sessions on a server that is not what evo relies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike {
    /// The server: `host:port`.
    pub server: String,
    /// Name of the setting.
    pub name: String,
    /// Its value there.
    pub found: String,
    /// The statement that makes it what evo relies on, to be run on the coordinator.
    pub remedy: String,
    /// Whether models give other values there; otherwise they are only slow.
    pub changes_values: bool,
}

/// The settings of this role's sessions that are not what evo relies on, on the servers that hold shards.
///
/// # Errors
/// `DatabaseUnavailable` when a server does not answer; see [`crate::pg`].
pub async fn unlike(ask: &impl Ask) -> Result<Vec<Unlike>> {
    let mut found = Vec::new();
    for row in ask.query(sql_file!("citus/settings.sql"), &[]).await? {
        let (server, value): (String, Option<String>) = (row.get(0), row.get(2));
        let (name, remedy): (Option<String>, Option<String>) = (row.get(1), row.get(4));
        let value = value.unwrap_or_default();
        let Some((name, remedy)) = name.zip(remedy) else {
            return Err(Error::new(Kind::DatabaseUnavailable, format!("{server} does not answer: {value}")));
        };
        found.push(Unlike { server, name, found: value, remedy, changes_values: row.get(5) });
    }
    Ok(found)
}

/// Makes sure that models give on every server what they give on the coordinator.
///
/// # Errors
/// `Config` with the statement that makes a setting what evo relies on; as [`unlike`].
pub(super) async fn require_settings(ask: &impl Ask) -> Result<()> {
    let found = unlike(ask).await?;
    let Some(Unlike { server, name, found, .. }) = found.iter().find(|unlike| unlike.changes_values) else {
        return Ok(());
    };
    let message = format!("sessions on {server} have {name} = {found}, with which models give other values");
    Err(Error::new(Kind::Config, message)
        .detail("what a job sets for itself does not reach the servers that hold the shards")
        .hint("evo distribute sets what evo relies on, for its own role and this database only"))
}

/// Gives the role in this database the settings that evo relies on, on all servers. Returns the statements;
/// with `is_dry` they are not run. Sessions that are open keep their settings.
///
/// # Errors
/// As [`unlike`].
pub async fn adapt(connection: &Connection, is_dry: bool) -> Result<Vec<String>> {
    let mut statements: Vec<String> = unlike(connection).await?.into_iter().map(|unlike| unlike.remedy).collect();
    statements.sort();
    statements.dedup();
    for statement in statements.iter().filter(|_| !is_dry) {
        connection.batch(statement).await?;
    }
    Ok(statements)
}
