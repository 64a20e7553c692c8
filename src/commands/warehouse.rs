//! What commands share: the way from settings to an open warehouse.

use crate::config::dsn::Dsn;
use crate::config::{Database, Retry, Settings};
use crate::embedded::{Cluster, Spec};
use crate::entity::Catalog;
use crate::error::{Context, Error, Kind, Result};
use crate::ledger::migrations;
use crate::pg::{Patience, Pool};
use crate::retry::Policy;
use crate::shutdown::Shutdown;

/// An open warehouse: entities, database and pool.
#[derive(Debug)]
pub(super) struct Warehouse {
    pub(super) catalog: Catalog,
    pub(super) pool: Pool,
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
        Database::Embedded => {
            let address = cluster(settings).ensure()?;
            Dsn::parse(&address.url()).context("the private PostgreSQL's address")
        }
    }
}

/// Opens the warehouse for a job named `command`, whose schema must be current. The private server's schema is made
/// and upgraded on the way: nobody else uses it.
///
/// A job that listens to signals, that is one that changes something, gets servers that take writes only and waits for one.
/// Commands that only look take any server and report at once when none answers.
pub(super) async fn open(settings: &Settings, command: &str, connections: usize) -> Result<Warehouse> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let migrations = migrations::all(settings.extend.as_deref())?;
    let dsn = address(settings)?;
    let name = format!("evo:{command}");
    let pool = match Shutdown::listening() {
        Some(shutdown) => {
            let patience = Patience { policy: retry(settings), shutdown };
            Pool::for_writing(dsn, &name, connections, Some(patience))
        }
        None => Pool::new(dsn, &name, connections).await?,
    };
    pool.retry("looking at the schema", async || {
        let mut connection = pool.get().await?;
        match settings.database {
            Database::Embedded => migrations::apply(&mut connection, &migrations, false).await.map(drop),
            Database::Server(_) => migrations::require_current(&mut connection, &migrations).await,
        }
    })
    .await?;
    Ok(Warehouse { catalog, pool })
}

/// The settings' retry policy.
pub(super) fn retry(settings: &Settings) -> Policy {
    let Retry { max_retries, base, max, budget } = settings.retry;
    Policy { max_retries, base, max, budget }
}

/// An error for entities that failed, with the exit code of the first; `None` when none did.
pub(super) fn first_failure(failures: Vec<(String, Error)>) -> Option<Error> {
    let others: Vec<String> = failures.iter().skip(1).map(|(entity, e)| format!("{entity}: {e}")).collect();
    let (entity, first) = failures.into_iter().next()?;
    let error = first.context(entity);
    Some(if others.is_empty() { error } else { error.detail(format!("also failed: {}", others.join("; "))) })
}

/// A share of lines: `N` or `P%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// So many lines.
    Count(u64),
    /// So many of a hundred lines.
    Percent(f64),
}

impl Threshold {
    /// Whether `part` of `whole` is more than this.
    pub fn exceeded(self, part: u64, whole: u64) -> bool {
        match self {
            Threshold::Count(n) => part > n,
            Threshold::Percent(p) => part as f64 * 100.0 > whole as f64 * p,
        }
    }
}

impl std::str::FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("expected a number of lines or a percentage such as 1%, found {text:?}");
        match text.strip_suffix('%') {
            Some(p) => p.trim().parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(Threshold::Percent),
            None => text.parse().ok().map(Threshold::Count),
        }
        .ok_or_else(wrong)
    }
}

/// Refuses 0, which would mean "nobody works".
pub(super) fn at_least_one(flag: &str, value: usize) -> Result<usize> {
    match value {
        0 => Err(Error::new(Kind::Usage, format!("{flag} must be at least 1"))),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_count_or_a_percentage() {
        assert_eq!("10".parse(), Ok(Threshold::Count(10)));
        assert_eq!("0.5%".parse(), Ok(Threshold::Percent(0.5)));
        assert!("101%".parse::<Threshold>().is_err() && "x".parse::<Threshold>().is_err());
        assert!(Threshold::Percent(1.0).exceeded(2, 100) && !Threshold::Percent(1.0).exceeded(1, 100));
        assert!(Threshold::Count(0).exceeded(1, 100) && !Threshold::Percent(1.0).exceeded(0, 0));
    }
}
