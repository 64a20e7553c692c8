//! The choice of a PostgreSQL server.

use super::dsn::Dsn;
use super::environment::Environment;
use super::resolved::Origin;
use crate::error::{Error, Kind, Result};

/// The PostgreSQL server that a command uses.
#[derive(Debug, Clone)]
pub enum Database {
    /// The private server that evo keeps in `state_dir`.
    Embedded,
    /// A server that is run by someone else.
    Server(Box<Dsn>),
}

/// The address as `evo config show` prints it, without the password.
#[derive(Debug)]
pub(super) struct ShownAddress {
    pub(super) text: String,
    /// `None` when it is that of the key itself.
    pub(super) origin: Option<Origin>,
}

/// libpq's variables that choose a server: if one is set, evo does not use its private one.
const LIBPQ: [&str; 4] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"];
/// The predecessor's variables that do the same.
const PREDECESSOR: [&str; 2] = ["PG_HOST", "PG_DATABASE"];

/// The given address, else what libpq's variables say, else the predecessor's variables, else the private
/// server.
///
/// # Errors
/// `Config` for an address that is empty or not understood.
pub(super) fn choose(address: Option<&str>, environment: &Environment) -> Result<(Database, ShownAddress)> {
    let server = |dsn: Dsn, origin| {
        let text = dsn.to_string();
        (Database::Server(Box::new(dsn)), ShownAddress { text, origin })
    };
    if let Some(address) = address {
        // In libpq an empty address means localhost. More likely a variable was empty when the command was
        // typed.
        if address.trim().is_empty() {
            return Err(Error::new(Kind::Config, "the database's address is empty")
                .hint("give an address, or leave the setting out; `evo config show` says what is used then"));
        }
        return Ok(server(Dsn::resolve(address, environment)?, None));
    }
    let first_set = |names: &[&'static str]| names.iter().copied().find(|name| environment.get(name).is_some());
    if let Some(name) = first_set(&LIBPQ) {
        return Ok(server(Dsn::resolve("", environment)?, Some(Origin::Environment(name))));
    }
    if let Some(name) = first_set(&PREDECESSOR) {
        return Ok(server(Dsn::of_predecessor(environment)?, Some(Origin::Environment(name))));
    }
    let text = "a private PostgreSQL in state_dir".to_owned();
    Ok((Database::Embedded, ShownAddress { text, origin: Some(Origin::Default) }))
}
