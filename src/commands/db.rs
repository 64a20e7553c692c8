//! `evo db`: the private PostgreSQL that evo uses when none is configured.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::json;

use super::warehouse;
use crate::config::{Database, Settings};
use crate::embedded::{Address, Cluster, Status};
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;

/// Manages the private PostgreSQL in `.evo/`; with a server configured there is nothing to manage.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start it, if it does not run; commands that need it do so themselves
    Start,
    /// Stop it in good order
    Stop,
    /// Show whether it runs, where, and where its data is
    Status,
    /// Print its URL, password included, for other tools
    Url,
    /// Open psql on it; what follows is handed to psql
    #[command(after_help = "Example:\n  evo db psql -- -c 'select count(*) from core.evo_sales'")]
    Psql {
        /// Arguments for psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Stop it and remove all of its data
    Destroy {
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// `Config` when a server is configured, or the private one cannot be managed; `Usage` for destroy without --yes.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    if let Database::Server(dsn) = &settings.database {
        return Err(Error::new(Kind::Config, "a database is configured, so there is no private PostgreSQL in use")
            .detail(format!("configured: {dsn}"))
            .hint("`evo config show` tells where the setting comes from"));
    }
    let cluster = warehouse::cluster(settings);
    match args.action {
        Action::Start => {
            let ran = matches!(cluster.status()?, Status::Running { .. });
            let address = cluster.ensure()?;
            let text = if ran { "runs already" } else { "started" };
            Ok(Outcome::new(
                format!("{text}: port {} of 127.0.0.1, database {}", address.port, address.database),
                json!({ "state": "running", "started": !ran, "port": address.port }),
            ))
        }
        Action::Stop => {
            let stopped = cluster.stop()?;
            let text = if stopped { "stopped; the data stays" } else { "does not run" };
            Ok(Outcome::new(text, json!({ "state": "stopped", "stopped": stopped })))
        }
        Action::Status => status(&cluster),
        Action::Url => {
            let address = cluster.ensure()?;
            Ok(Outcome::new(address.url(), json!({ "url": address.url() })))
        }
        Action::Psql { arguments } => Err(psql(&cluster.ensure()?, &arguments)),
        Action::Destroy { yes: false } => Err(Error::new(
            Kind::Usage,
            format!("this removes the private database in {}", cluster.data_dir()?.display()),
        )
        .hint("if that is what you want: evo db destroy --yes (the lake stays)")),
        Action::Destroy { yes: true } => {
            let removed = cluster.destroy()?;
            let text = if removed { "stopped and removed; the lake stays" } else { "there is none" };
            Ok(Outcome::new(text, json!({ "removed": removed })))
        }
    }
}

fn status(cluster: &Cluster) -> Result<Outcome> {
    let data = cluster.data_dir()?.display().to_string();
    Ok(match cluster.status()? {
        Status::Absent => Outcome::new("there is none yet; the first job makes it", json!({ "state": "absent" })),
        Status::Stopped => {
            Outcome::new(format!("stopped; data in {data}"), json!({ "state": "stopped", "data": data }))
        }
        Status::Running { pid, address } => Outcome::new(
            format!("running: pid {pid}, port {} of 127.0.0.1; data in {data}", address.port),
            json!({ "state": "running", "pid": pid, "port": address.port, "data": data }),
        ),
    })
}

/// Becomes psql; returns only when that fails. The password travels in the environment, not on the command line.
fn psql(address: &Address, arguments: &[String]) -> Error {
    let mut command = Command::new("psql");
    command.env("PGPASSWORD", &address.password).args(["-h", "127.0.0.1", "-p", &address.port.to_string()]);
    command.args(["-U", &address.user, "-d", &address.database]).args(arguments);
    Error::new(Kind::Config, "cannot run psql")
        .caused_by(command.exec())
        .hint("install it: Debian, Ubuntu: sudo apt-get install postgresql-client")
}
