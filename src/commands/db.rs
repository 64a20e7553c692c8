//! `evo db`: the private PostgreSQL that evo uses when none is configured.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::json;

use super::database;
use crate::config::dsn::{ChannelBinding, Dsn, Roots, Server, SslMode};
use crate::config::{Database, Origin, Settings};
use crate::embedded::{self, Cluster, Data, Status};
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;

/// Manages the private PostgreSQL that evo keeps in `.evo/` and uses when no database is configured.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo db start                          start it before a job does
  evo db psql -c 'table evo.runs'       arguments after psql are passed to it
  pg_dump \"$(evo db url)\" > evo.sql
  evo db destroy --yes                  start over; the lake stays")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start it if it is not running; jobs do so themselves
    Start,
    /// Stop it cleanly; its data stays
    Stop,
    /// Show whether it is running, where, and where its data is
    Status,
    /// Print its URL for other tools, with the password (a configured server's without it); starts it if
    /// necessary
    Url,
    /// Open psql on it or on the configured server; starts it if necessary. Further arguments go to psql,
    /// after -- if they begin with a flag of evo, such as -q or -v
    Psql {
        /// Arguments for psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Stop it and remove its data for good; a configured server is never touched
    Destroy {
        /// Confirm
        #[arg(long)]
        yes: bool,
    },
}

impl Args {
    /// Whether it does its work although settings are wrong, as far as they do not decide what it is.
    pub(crate) fn works_with_mistakes(&self) -> bool {
        matches!(self.action, Action::Start | Action::Stop | Action::Status)
    }
}

/// Runs the command.
///
/// # Errors
/// `Config` when a server is configured although the private one is meant, or the private one cannot be
/// managed; `DatabaseUnavailable` when it does not start or stop; `Usage` for destroy without --yes.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let cluster = database::cluster(settings);
    // The folder that is meant may be in what cannot be read: nothing is created there.
    if let Some(first) = settings.mistakes.all().first() {
        if matches!(args.action, Action::Start) && cluster.status()? == Status::Absent {
            let all = "the first start creates the private PostgreSQL, so correct the settings first: evo config check";
            return Err(Error::new(first.kind(), first.message()).hint(all));
        }
        settings.mistakes.all().iter().for_each(|mistake| tracing::warn!("{mistake}"));
    }
    match args.action {
        Action::Start => match &settings.database {
            Database::Server(dsn) => Err(not_private(dsn, settings)),
            Database::Embedded => start(&cluster),
        },
        Action::Stop => match (&settings.database, cluster.status()?) {
            // A private server left over from before --database-url was set can still be stopped.
            (Database::Server(dsn), Status::Absent | Status::Stopped(_)) => Err(not_private(dsn, settings)),
            _ => stop(&cluster),
        },
        Action::Status => match &settings.database {
            Database::Server(dsn) => Ok(Outcome::new(
                format!("{}; `evo status` shows what is in it", in_use(dsn, settings)),
                json!({ "state": "configured", "database": dsn.to_string() }),
            )),
            Database::Embedded => status(&cluster),
        },
        Action::Url => {
            let url = match &settings.database {
                Database::Server(dsn) => dsn.to_string(),
                Database::Embedded => cluster.ensure()?.url(),
            };
            Ok(Outcome::new(&url, json!({ "url": url })))
        }
        Action::Psql { arguments } => psql(settings, &arguments),
        Action::Destroy { yes } => match (&settings.database, cluster.status()?) {
            // Whoever names a server on the same line does not mean the private one.
            (Database::Server(dsn), found) if found == Status::Absent || is_from_flag(settings) => {
                Err(not_private(dsn, settings))
            }
            (_, Status::Absent) if !yes => Ok(nothing_to_destroy()),
            _ => destroy(&cluster, yes),
        },
    }
}

fn start(cluster: &Cluster) -> Result<Outcome> {
    let (address, started) = cluster.start()?;
    let text = if started { "started" } else { "it is running already" };
    Ok(Outcome::new(
        format!("{text}: port {} of 127.0.0.1, database {}", address.port, address.database),
        json!({ "state": "running", "started": started, "port": address.port, "database": address.database }),
    ))
}

fn stop(cluster: &Cluster) -> Result<Outcome> {
    let stopped = cluster.stop()?;
    let text = if stopped { "stopped; the data stays" } else { "it is not running" };
    Ok(Outcome::new(text, json!({ "state": "stopped", "stopped": stopped })))
}

fn status(cluster: &Cluster) -> Result<Outcome> {
    let json = |state: &str, data: &Data| {
        json!({
            "state": state, "data": data.path, "elsewhere": data.elsewhere, "version": data.version,
            "log": data.path.join("log"),
        })
    };
    Ok(match cluster.status()? {
        Status::Absent => Outcome::new("there is none yet; the first job creates it", json!({ "state": "absent" })),
        Status::Stopped(data) => Outcome::new(format!("stopped\n{}", where_it_is(&data)), json("stopped", &data)),
        Status::Held(data) => Outcome::new(
            format!(
                "in use by a server in another container, or by processes of one that was killed\n{}",
                where_it_is(&data)
            ),
            json("held", &data),
        ),
        Status::Changing { data, state } => {
            Outcome::new(format!("{state}\n{}", where_it_is(&data)), json(&state, &data))
        }
        Status::Running { data, pid, address } => {
            let mut json = json("running", &data);
            json["pid"] = pid.into();
            json["port"] = address.port.into();
            let text = format!("running: port {} of 127.0.0.1, pid {pid}\n{}", address.port, where_it_is(&data));
            Outcome::new(text, json)
        }
    })
}

fn where_it_is(data: &Data) -> String {
    let path = data.path.display();
    let why = match data.elsewhere {
        true => " (not in the state directory, which the user who runs PostgreSQL for root cannot reach)",
        false => "",
    };
    format!("PostgreSQL {}, data in {path}{why}, logs in {path}/log", data.version)
}

fn destroy(cluster: &Cluster, yes: bool) -> Result<Outcome> {
    if !yes {
        return Err(Error::new(Kind::Usage, "evo db destroy removes data, so it needs --yes")
            .detail(format!("it would remove all databases in {}; the lake stays", cluster.data_dir().display()))
            .hint("evo db destroy --yes"));
    }
    match cluster.destroy()? {
        true => Ok(Outcome::new("stopped and removed; the lake stays", json!({ "state": "absent", "removed": true }))),
        false => Ok(nothing_to_destroy()),
    }
}

fn nothing_to_destroy() -> Outcome {
    Outcome::new("there is none", json!({ "state": "absent", "removed": false }))
}

/// Where the address of the server comes from.
fn origin(settings: &Settings) -> Option<&Origin> {
    settings.shown.iter().find(|setting| setting.key.name == "database_url").map(|setting| &setting.origin)
}

fn is_from_flag(settings: &Settings) -> bool {
    matches!(origin(settings), Some(Origin::Flag(_)))
}

fn in_use(dsn: &Dsn, settings: &Settings) -> String {
    let origin = origin(settings).map_or(String::new(), |origin| format!(" ({origin})"));
    format!("no private PostgreSQL is in use: {dsn} is configured{origin}")
}

fn not_private(dsn: &Dsn, settings: &Settings) -> Error {
    Error::new(Kind::Config, in_use(dsn, settings))
        .hint("evo never starts, stops or destroys a server that is not its own; `evo db psql` works with any server")
}

/// Becomes psql; returns only if that fails. The address is passed in the environment, because command lines
/// are public.
fn psql(settings: &Settings, arguments: &[String]) -> Result<Outcome> {
    let program =
        embedded::find_program("psql", &settings.search_path, settings.pg_bin.as_deref()).ok_or_else(|| {
            Error::new(Kind::Config, "psql was not found in PATH, nor beside the server's programs").hint(
                "install it:\n\
             Debian, Ubuntu: sudo apt-get install postgresql-client\n\
             Fedora:         sudo dnf install postgresql\n\
             macOS:          brew install libpq",
            )
        })?;
    let dsn = database::started(settings)?;
    let error = Command::new(&program)
        .args(arguments)
        .env_remove("PGHOSTADDR")
        .env_remove("PGSERVICE")
        .envs(libpq(&dsn))
        .exec();
    Err(Error::new(Kind::Config, format!("cannot run {}", program.display())).caused_by(error))
}

/// The address as variables of libpq.
fn libpq(dsn: &Dsn) -> Vec<(&'static str, String)> {
    let list = |part: &dyn Fn(&Server) -> String| dsn.servers.iter().map(part).collect::<Vec<_>>().join(",");
    let protection = &dsn.protection;
    let mut variables = vec![
        ("PGHOST", list(&|server| server.host.clone())),
        ("PGPORT", list(&|server| server.port.to_string())),
        ("PGUSER", dsn.user.clone()),
        ("PGDATABASE", dsn.dbname.clone()),
        ("PGSSLMODE", protection.mode.name().to_owned()),
        ("PGTARGETSESSIONATTRS", dsn.target.name().to_owned()),
        ("PGCONNECT_TIMEOUT", dsn.connect_timeout.as_secs().to_string()),
        ("PGAPPNAME", "evo:psql".to_owned()),
    ];
    if dsn.servers.iter().any(|server| server.address.is_some()) {
        let address = |server: &Server| server.address.map(|address| address.to_string()).unwrap_or_default();
        variables.push(("PGHOSTADDR", list(&address)));
    }
    // libpq has one password for all servers; those in a password file it finds by itself.
    if let Some(password) = dsn.servers.first().and_then(|server| dsn.password(server)) {
        variables.push(("PGPASSWORD", password.to_owned()));
    }
    if let Some(options) = &dsn.options {
        variables.push(("PGOPTIONS", options.clone()));
    }
    match &protection.roots {
        Roots::File(file) => variables.push(("PGSSLROOTCERT", file.display().to_string())),
        // evo trusts the system's roots by default, libpq does not.
        Roots::System if protection.mode == SslMode::VerifyFull => {
            variables.push(("PGSSLROOTCERT", "system".to_owned()));
        }
        Roots::System => {}
    }
    if let Some((certificate, key)) = &protection.certificate {
        variables.push(("PGSSLCERT", certificate.display().to_string()));
        variables.push(("PGSSLKEY", key.display().to_string()));
    }
    match protection.channel_binding {
        ChannelBinding::Disable => variables.push(("PGCHANNELBINDING", "disable".to_owned())),
        ChannelBinding::Require => variables.push(("PGCHANNELBINDING", "require".to_owned())),
        ChannelBinding::Prefer => {}
    }
    if let Some(auth) = &protection.auth {
        variables.push(("PGREQUIREAUTH", auth.text.clone()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psql_gets_the_address_as_variables_and_trusts_what_evo_trusts() {
        let dsn = Dsn::parse("postgresql://ana:s3cret@a:1,b:2/w?sslmode=verify-full").unwrap();
        let variables = libpq(&dsn);
        for expected in [
            ("PGHOST", "a,b"),
            ("PGPORT", "1,2"),
            ("PGUSER", "ana"),
            ("PGPASSWORD", "s3cret"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "system"),
        ] {
            assert!(variables.contains(&(expected.0, expected.1.to_owned())), "{expected:?}");
        }
    }
}
