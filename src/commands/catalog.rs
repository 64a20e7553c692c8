//! `evo catalog`: the warehouse as pages that anybody can open.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::warehouse::{self, Access, Warehouse};
use crate::catalog::{self, BuiltSite, CatalogPlan, Namespaces, SiteServer, SiteVersion};
use crate::config::{Database, LakeAddress, Settings};
use crate::counted::counted;
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::report::{Outcome, units};
use crate::shutdown::Shutdown;
use crate::transform::checks::Checks;
use crate::transform::dimension::{self, Dimension};

/// How often the ledger is asked whether anything was loaded, while the pages are served.
const ASKED_EVERY: Duration = Duration::from_secs(2);

/// Writes the warehouse as pages: tables, columns, lineage, freshness, executions, search. Changes nothing in
/// the database.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo catalog                      into .evo/catalog; open index.html there
  evo catalog --out site --quick   without sizes, bloat and column statistics
  evo catalog --serve 127.0.0.1:8080   pages that follow the jobs, until SIGINT
  evo catalog --output json

The folder needs no server, no build step and no network: open it from the disk
or a share, or copy it to static hosting. Pages that have not changed are not
written again.
There are names and numbers in it, and no value of a table.")]
pub struct Args {
    /// Folder of the pages: new, empty, or written by evo catalog before
    /// [default: catalog in the state directory]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave out what has to be measured: sizes, bloat, fill rates and distinct values
    #[arg(long)]
    pub quick: bool,
    /// Serve the pages to browsers of this machine, and write them again when something
    /// was loaded, until SIGINT or SIGTERM; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub serve: Option<SocketAddr>,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for a folder with other files, and for an address that cannot be served; `Config` when the folder
/// cannot be written; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let begun = Instant::now();
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    let checks = Checks::load(settings.extend.as_deref(), &catalog)?;
    let warehouse = warehouse::open(settings, catalog, ("catalog", 1), Access::Reads).await?;
    let out = args.out.clone().unwrap_or_else(|| settings.state_dir.join("catalog"));
    let names = names(settings);
    let job =
        Job { warehouse: &warehouse, dimensions: &dimensions, checks: &checks, names: &names, out: &out, args: &args };
    let built = match args.serve {
        Some(address) => job.serve(address).await?,
        None => job.build().await?,
    };
    Ok(shown(built, &out, begun.elapsed()))
}

fn shown(built: BuiltSite, out: &Path, elapsed: Duration) -> Outcome {
    let changes = built.changes;
    let attention = match built.attention {
        0 => String::new(),
        n => format!("{}\n", counted(n, "thing needs attention", "things need attention")),
    };
    let text = format!(
        "{} and {} in {}: {} written, {} removed, in {}\n{attention}open {}",
        counted(built.tables, "table", "tables"),
        counted(built.runs, "execution", "executions"),
        counted(changes.files, "file", "files"),
        units::count(changes.written),
        units::count(changes.removed),
        units::duration(elapsed),
        out.join("index.html").display()
    );
    let json = json!({
        "out": out.display().to_string(), "tables": built.tables, "executions": built.runs,
        "attention": built.attention, "files": changes.files, "written": changes.written, "removed": changes.removed,
        "elapsed_ms": elapsed.as_millis() as u64,
    });
    Outcome::new(text, json)
}

/// What data sets are called in events for other programs: addresses without credentials.
fn names(settings: &Settings) -> Namespaces {
    let (database, database_name) = match &settings.database {
        Database::Server(dsn) => (format!("postgres://{}", dsn.shown_servers().replace(", ", ",")), dsn.dbname.clone()),
        Database::Embedded => ("postgres://localhost".to_owned(), "evo".to_owned()),
    };
    let (lake, lake_root) = match &settings.lake {
        LakeAddress::Directory(path) => ("file".to_owned(), path.display().to_string()),
        LakeAddress::Azure { account: Some(account), container, prefix } => {
            (format!("abfss://{container}@{account}.dfs.core.windows.net"), prefix.clone())
        }
        LakeAddress::Azure { account: None, container, prefix } => (format!("az://{container}"), prefix.clone()),
    };
    let producer = format!("urn:evo:{}", env!("CARGO_PKG_VERSION"));
    Namespaces { database, database_name, lake, lake_root, producer }
}

/// Everything that a site is built from.
struct Job<'a> {
    warehouse: &'a Warehouse,
    dimensions: &'a [Dimension],
    checks: &'a Checks,
    names: &'a Namespaces,
    out: &'a Path,
    args: &'a Args,
}

impl Job<'_> {
    /// Builds the site once.
    async fn build(&self) -> Result<BuiltSite> {
        let plan = CatalogPlan {
            out: self.out,
            quick: self.args.quick,
            entities: self.warehouse.catalog.all(),
            dimensions: self.dimensions,
            checks: self.checks.all(),
            names: self.names,
        };
        let pool = &self.warehouse.pool;
        pool.retry("building the catalog", async || catalog::build(&mut *pool.get().await?, plan).await).await
    }

    /// Serves the site and keeps it up to date until a stop is requested. The address is printed first, on a
    /// line of its own.
    async fn serve(&self, address: SocketAddr) -> Result<BuiltSite> {
        let shutdown = Shutdown::listen()?;
        let server = SiteServer::bind(address, self.out).await?;
        let bound = server.address().ok_or_else(|| Error::new(Kind::Internal, "a socket has no address"))?;
        let mut built = self.build().await?;
        let _ = writeln!(std::io::stdout(), "http://{bound}");
        let version = server.version();
        tokio::select! {
            () = server.run(shutdown.requested()) => {}
            () = self.follow(&shutdown, &version, &mut built) => {}
        }
        Ok(built)
    }

    /// Builds the site again whenever something was loaded, transformed or run, until a stop is requested.
    async fn follow(&self, shutdown: &Shutdown, version: &SiteVersion, built: &mut BuiltSite) {
        let mut known = self.state().await.ok();
        while shutdown.pause(ASKED_EVERY).await.is_ok() {
            let found = self.state().await;
            let next = match found {
                Ok(now) if known.as_ref() == Some(&now) => continue,
                Ok(now) => self.build().await.map(|done| (now, done)),
                Err(error) => Err(error),
            };
            match next {
                Ok((now, done)) => {
                    (known, *built) = (Some(now), done);
                    version.advance();
                }
                Err(error) => tracing::warn!(error = error.message(), "the pages are those of before"),
            }
        }
    }

    async fn state(&self) -> Result<String> {
        let connection = self.warehouse.pool.get().await?;
        catalog::state(&connection).await
    }
}
