//! What commands share: the way from settings to an open warehouse.

use crate::config::dsn::Dsn;
use crate::config::{Database, Settings, Share};
use crate::embedded::{Cluster, Spec, Status};
use crate::entity::Catalog;
use crate::error::{Context, Error, Kind, Result};
use crate::ledger::{migrations, rights};
use crate::pg::{Patience, Pool};
use crate::shutdown::Shutdown;

/// An open warehouse: entities, database and pool.
#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) catalog: Catalog,
    pub(super) pool: Pool,
}

impl Warehouse {
    /// Refuses a role that may not make temporary tables.
    ///
    /// # Errors
    /// `AccessDenied` that names the grant; as [`Pool::retry`].
    pub(super) async fn require_temporary(&self) -> Result<()> {
        let look = async || rights::require_temporary(&*self.pool.get().await?).await;
        self.pool.retry("looking at the role's rights", look).await
    }
}

/// What a command is going to do with the warehouse.
#[derive(Debug)]
pub(super) enum Access {
    /// Look at it. Any server will do, also a standby; one that does not answer is reported at once. Nothing is made,
    /// started or upgraded on the way.
    Reads,
    /// Change it. Only a server that takes writes will do, and the job waits for one until it is asked to stop. The
    /// private server is made, started and upgraded if need be: nobody else uses it.
    Writes(Shutdown),
}

/// The private server that the settings mean.
pub(super) fn cluster(settings: &Settings) -> Cluster {
    let spec =
        Spec { state_dir: settings.state_dir.clone(), bin_dir: settings.pg_bin.clone(), extra_settings: Vec::new() };
    Cluster::new(spec, &settings.search_path)
}

/// The address of the database; starts the private one if that is meant.
pub(super) fn address(settings: &Settings) -> Result<Dsn> {
    match &settings.database {
        Database::Server(dsn) => Ok((**dsn).clone()),
        Database::Embedded => private(&cluster(settings).ensure()?.url()),
    }
}

/// The address of the database as it is; starts and makes nothing.
///
/// # Errors
/// `Config` when there is none yet; `DatabaseUnavailable` when the private one does not run.
pub(super) fn address_as_it_is(settings: &Settings) -> Result<Dsn> {
    if let Database::Server(dsn) = &settings.database {
        return Ok((**dsn).clone());
    }
    let away = |how: &str| Error::new(Kind::DatabaseUnavailable, format!("the private PostgreSQL {how}"));
    match cluster(settings).status()? {
        Status::Running { address, .. } => private(&address.url()),
        Status::Absent => Err(Error::new(Kind::Config, "there is no database yet")
            .detail(format!("none is configured, and there is no private one in {}", settings.state_dir.display()))
            .hint("name a server with --database-url or EVO_DATABASE_URL, or let `evo load all` make a private one")),
        Status::Stopped(_) => {
            Err(away("is stopped").hint("start it with `evo db start`: a command that only reads starts nothing"))
        }
        Status::Held(_) => Err(away("is used by a server in another container").hint("see `evo db status`")),
        Status::Changing { state, .. } => Err(away(&format!("is {state}")).hint("try again in a moment")),
    }
}

fn private(url: &str) -> Result<Dsn> {
    Dsn::parse(url).context("the private PostgreSQL's address")
}

/// Opens the warehouse for a command of this name. Its schema must be current.
///
/// # Errors
/// `Config` when the schema is missing, older or newer than this evo; otherwise of connecting.
pub(super) async fn open(
    settings: &Settings,
    catalog: Catalog,
    (command, connections): (&str, usize),
    access: Access,
) -> Result<Warehouse> {
    let migrations = migrations::all(settings.extend.as_deref())?;
    let name = format!("evo:{command}");
    let is_made_here = matches!((&settings.database, &access), (Database::Embedded, Access::Writes(_)));
    let pool = match access {
        Access::Writes(shutdown) => {
            let patience = Patience { policy: settings.retry, first_try: settings.first_try, shutdown };
            Pool::for_writing(address(settings)?, &name, connections, Some(patience))
        }
        Access::Reads => Pool::new(address_as_it_is(settings)?, &name, connections),
    };
    pool.retry("looking at the schema", async || {
        let mut connection = pool.get().await?;
        match is_made_here {
            true => migrations::apply(&mut connection, &migrations, false).await.map(drop),
            false => migrations::require_current(&mut connection, &migrations).await,
        }
    })
    .await?;
    Ok(Warehouse { catalog, pool })
}

/// An error for entities that failed, with the exit code of the first; `None` when none did.
pub(super) fn first_failure(failures: Vec<(String, Error)>) -> Option<Error> {
    let others: Vec<String> = failures.iter().skip(1).map(|(entity, e)| format!("{entity}: {e}")).collect();
    let (entity, first) = failures.into_iter().next()?;
    let error = first.context(entity);
    Some(if others.is_empty() { error } else { error.detail(format!("also failed: {}", others.join("; "))) })
}

/// How many lines are too many: `N`, or a share of those read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// So many lines.
    Count(u64),
    /// Such a share of the lines.
    Share(Share),
}

impl Threshold {
    /// Whether `part` of `whole` is more than this.
    pub fn exceeded(self, part: u64, whole: u64) -> bool {
        match self {
            Threshold::Count(n) => part > n,
            Threshold::Share(share) => part as f64 > whole as f64 * share.fraction(),
        }
    }
}

impl std::str::FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_count = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
        let count = text.replace('_', "").parse().ok().filter(|_| is_count).map(Threshold::Count);
        let threshold = count.or_else(|| text.parse().ok().map(Threshold::Share));
        threshold.ok_or_else(|| {
            let expected = "a number of lines such as 100, or a share of them such as 1%";
            Error::new(Kind::Config, format!("expected {expected}, found {text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_count_or_a_percentage() {
        let threshold = |text: &str| text.parse::<Threshold>().unwrap();
        assert_eq!(threshold("10"), Threshold::Count(10));
        for wrong in ["101%", "x", "", "-1", "1.5", "99999999999999999999"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
        assert!(threshold("1%").exceeded(2, 100) && !threshold("1%").exceeded(1, 100));
        assert!(threshold("0.5%").exceeded(6, 1_000) && !threshold("0.5%").exceeded(5, 1_000));
        assert!(threshold("0").exceeded(1, 100) && !threshold("1%").exceeded(0, 0));
    }
}
