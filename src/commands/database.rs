//! Which PostgreSQL the settings mean, and its address.

use crate::config::dsn::Dsn;
use crate::config::{Database, Settings};
use crate::embedded::{self, Cluster, Spec, Status};
use crate::error::{Context, Error, Kind, Result};

/// The private server of these settings, whether or not it exists.
pub(super) fn cluster(settings: &Settings) -> Cluster {
    let spec =
        Spec { state_dir: settings.state_dir.clone(), bin_dir: settings.pg_bin.clone(), extra_settings: Vec::new() };
    Cluster::new(spec, &settings.search_path)
}

/// Whether a private server could be started here.
pub(super) fn has_programs(settings: &Settings) -> bool {
    embedded::find_program("initdb", &settings.search_path, settings.pg_bin.as_deref()).is_some()
}

/// The address of the database. Creates and starts the private server if that is meant.
///
/// # Errors
/// Those of [`Cluster::ensure`].
pub(super) fn started(settings: &Settings) -> Result<Dsn> {
    match &settings.database {
        Database::Server(dsn) => Ok((**dsn).clone()),
        Database::Embedded => private(&cluster(settings).ensure()?.url()),
    }
}

/// The address of the database as it is now. Creates and starts nothing.
///
/// # Errors
/// `Config` when there is no database yet; `DatabaseUnavailable` when the private server does not run.
pub(super) fn as_it_is(settings: &Settings) -> Result<Dsn> {
    if let Database::Server(dsn) = &settings.database {
        return Ok((**dsn).clone());
    }
    let unavailable = |how: &str| Error::new(Kind::DatabaseUnavailable, format!("the private PostgreSQL {how}"));
    match cluster(settings).status()? {
        Status::Running { address, .. } => private(&address.url()),
        Status::Absent => Err(Error::new(Kind::Config, "there is no database yet")
            .detail(format!("none is configured, and there is no private one in {}", settings.state_dir.display()))
            .hint("name a server with --database-url or EVO_DATABASE_URL, or let `evo load all` create a private one")),
        Status::Stopped(_) => {
            Err(unavailable("is stopped")
                .hint("start it with `evo db start`: a command that only reads starts nothing"))
        }
        Status::Held(_) => Err(unavailable("is used by a server in another container").hint("see `evo db status`")),
        Status::Changing { state, .. } => Err(unavailable(&format!("is {state}")).hint("try again in a moment")),
    }
}

fn private(url: &str) -> Result<Dsn> {
    Dsn::parse(url).context("the private PostgreSQL's address")
}
