//! `evo objects`: the bronze objects that the ledger knows, those that were set aside, and the lakes that
//! they are in.

mod shown;

use crate::bronze::Lake;
use crate::commands::patterns::like;
use crate::commands::warehouse::{self, Access, Warehouse};
use crate::config::Settings;
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ledger::lakes::{self, AddressStatus};
use crate::ledger::objects::{self, ObjectFilter};
use crate::report::Outcome;

/// Shows the objects that the ledger knows, and decides about those that a load has set aside.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An object that cannot be loaded is set aside, and every `evo load` ends with
exit code 6 until the object is replaced in the lake, loaded after all, or
acknowledged:

  evo objects list                      what is set aside or vanished, and why
  evo objects retry sales               the next `evo load` tries them again
  evo objects ignore sales --path '*/broken.jsonl.gz'

A ledger belongs to a lake. Under another address of the same lake nothing is
loaded twice:

  evo objects lakes                           the ledger's lakes and addresses
  evo objects same-lake --lake /mnt/lake      it is the lake that evo knows
  evo objects another-lake --lake /mnt/other  load the objects of this one too")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List objects [default: those that are set aside or vanished]
    List {
        #[command(flatten)]
        which: Which,
        /// Show at most this many objects
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..))]
        limit: i64,
    },
    /// Acknowledge objects that are set aside or vanished: they no longer count and are not tried again
    Ignore {
        #[command(flatten)]
        which: Which,
    },
    /// Let the next load retry objects that are set aside, including acknowledged ones
    Retry {
        #[command(flatten)]
        which: Which,
    },
    /// List the lakes of the ledger
    Lakes,
    /// Declare that --lake is a lake the ledger knows: it was moved, or its address is written differently
    SameLake {
        /// Address under which the ledger knows it [default: the only one]
        #[arg(long, value_name = "ADDRESS")]
        known_as: Option<String>,
    },
    /// Declare that --lake is another lake, whose objects are loaded as well
    AnotherLake,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(value_name = "ENTITY", default_value = "all")]
    entities: Vec<String>,
    /// Only in this state; repeatable
    #[arg(long, value_name = "STATE", value_parser = ["quarantined", "gone", "ignored", "pending", "loaded"])]
    state: Vec<String>,
    /// Only this path; * matches anything
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only this run
    #[arg(long, value_name = "RUN_ID")]
    run_id: Option<String>,
}

impl Which {
    fn filter(&self, warehouse: &Warehouse, states: &[&str]) -> Result<ObjectFilter> {
        let states = match self.state.as_slice() {
            [] => states.iter().map(|state| (*state).to_owned()).collect(),
            given => given.to_vec(),
        };
        Ok(ObjectFilter {
            entities: warehouse.catalog.select(&self.entities)?.iter().map(|e| e.name.clone()).collect(),
            states,
            path: self.path.as_deref().map(like),
            run_id: self.run_id.clone(),
        })
    }
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity or lake; of the lake and the server.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let access = Access::of(!matches!(args.action, Action::List { .. } | Action::Lakes))?;
    let catalog = Catalog::load(settings.extend.as_deref())?;
    if matches!(args.action, Action::SameLake { .. } | Action::AnotherLake) {
        // Before a private server is created for a lake that is not there.
        Lake::open(&settings.lake, &settings.azure)?;
    }
    let warehouse = warehouse::open(settings, catalog, ("objects", 1), access).await?;
    let pool = &warehouse.pool;
    match args.action {
        Action::List { which, limit } => {
            let (entries, all) =
                objects::list(pool, &which.filter(&warehouse, &["quarantined", "gone"])?, limit).await?;
            Ok(shown::list(&entries, all, which.state.is_empty()))
        }
        Action::Ignore { which } => {
            let ignored = objects::ignore(pool, &which.filter(&warehouse, &["quarantined", "gone"])?).await?;
            Ok(shown::ignored(&ignored))
        }
        Action::Retry { which } => {
            let again = objects::again(pool, &which.filter(&warehouse, &["quarantined", "ignored"])?).await?;
            Ok(shown::again(&again))
        }
        Action::Lakes => Ok(shown::lakes(&lakes::all(pool).await?)),
        Action::SameLake { known_as } => same_lake(&warehouse, settings, known_as).await,
        Action::AnotherLake => another_lake(&warehouse, settings).await,
    }
}

async fn same_lake(warehouse: &Warehouse, settings: &Settings, known_as: Option<String>) -> Result<Outcome> {
    let (pool, address) = (&warehouse.pool, Lake::open(&settings.lake, &settings.azure)?.address());
    let known: Vec<String> = lakes::all(pool).await?.into_iter().flat_map(|lake| lake.addresses).collect();
    let known_as = match (known_as, lakes::address_status(pool, &address).await?) {
        (Some(named), _) => named,
        (None, AddressStatus::Known(_) | AddressStatus::First) => address.clone(),
        (None, AddressStatus::Other(_)) => the_only(warehouse, &known).await?,
    };
    if known.is_empty() {
        lakes::be_first(pool, &address).await?;
    } else if lakes::rename(pool, &address, &known_as).await?.is_none() {
        return Err(Error::new(Kind::Usage, format!("the ledger knows no lake as {known_as}"))
            .detail(format!("it knows {}", known.join(", ")))
            .hint("evo objects lakes"));
    }
    Ok(shown::lakes(&lakes::all(pool).await?))
}

/// An address of the only lake that the ledger knows.
async fn the_only(warehouse: &Warehouse, known: &[String]) -> Result<String> {
    let lakes = lakes::all(&warehouse.pool).await?;
    let mut named = lakes.iter().filter_map(|lake| lake.addresses.first());
    match (named.next(), named.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(Error::new(Kind::Usage, "the ledger knows several lakes")
            .detail(format!("it knows {}", known.join(", ")))
            .hint("say which one it is: --known-as ADDRESS")),
    }
}

async fn another_lake(warehouse: &Warehouse, settings: &Settings) -> Result<Outcome> {
    let (pool, address) = (&warehouse.pool, Lake::open(&settings.lake, &settings.azure)?.address());
    if lakes::address_status(pool, &address).await? == AddressStatus::First {
        lakes::be_first(pool, &address).await?;
    }
    lakes::keep_address(pool, &address, None).await?;
    Ok(shown::lakes(&lakes::all(pool).await?))
}
