//! The command line: global flags, subcommands, and which function each runs.

mod words;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands;
use crate::config::{GlobalArgs, Settings};
use crate::error::Result;
use crate::report::Outcome;

const EXAMPLES: &str = "\
Examples:
  evo generate; evo load all; evo transform all     try it, in this folder
  evo load sales --workers 8 --batch-size 10
  evo transform members --full-refresh
  evo status

Without --database-url evo uses a private PostgreSQL in .evo/.
Exit codes: 0 ok, 1 internal, 2 usage, 3 config, 4 lake, 5 database, 6 data,
7 already running, 8 database full, 129/130/143 stopped.";

/// Batch jobs for a medallion warehouse on PostgreSQL: bronze objects to staging, staging to typed core
/// tables.
#[derive(Debug, Parser)]
#[command(name = "evo", version, propagate_version = true, max_term_width = 80)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The subcommand with its arguments.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write realistic bronze objects to the lake
    Generate(commands::generate::Args),
    /// Extract records from the API into bronze objects
    Extract(commands::extract::Args),
    /// Load bronze objects into the staging tables
    Load(commands::load::Args),
    /// List, export and replay rejected lines
    Rejects(commands::rejects::Args),
    /// List objects that are set aside, retry or acknowledge them
    Objects(commands::objects::Args),
    /// Fill the core tables from staging
    Transform(commands::transform::Args),
    /// Check the warehouse with queries that must return no rows
    Check(commands::check::Args),
    /// Compare lake, ledger, staging and core, down to the row; repair what differs
    Verify(commands::verify::Args),
    /// Show the storage of the warehouse; vacuum and reindex it
    OptimizeStorage(commands::optimize_storage::Args),
    /// Show what is loaded, what is pending and how fresh it is
    Status(commands::status::Args),
    /// List what was executed and what is running; show one execution in full
    Runs(commands::runs::Args),
    /// Write the warehouse as pages: tables, columns, lineage, freshness
    Catalog(commands::catalog::Args),
    /// Say what is misconfigured, and the line that fixes it
    Doctor(commands::doctor::Args),
    /// Draft an entity of your own from samples of its files
    New(commands::new::Args),
    /// Show what changed in the documents, since when, and what to add to the models
    Drift(commands::drift::Args),
    /// Show the rows that a model gives; writes nothing
    Preview(commands::preview::Args),
    /// Empty an entity and forget what was loaded
    Reset(commands::reset::Args),
    /// Test models: documents in, rows out; writes nothing
    Test(commands::test::Args),
    /// Create or upgrade the schemas evo, stg_evo and core
    Migrate(commands::migrate::Args),
    /// Distribute the tables over the servers of a Citus cluster
    Distribute(commands::distribute::Args),
    /// Show the effective settings, or every mistake in them
    Config(commands::config::Args),
    /// Manage the private PostgreSQL that evo uses when none is configured
    Db(commands::db::Args),
    /// Print a script that lets a shell complete commands and flags
    Completions(commands::completions::Args),
    /// Print the manual page, or write those of all commands into a folder
    Man(commands::man::Args),
}

/// The result of reading a command line.
#[derive(Debug)]
pub enum Parsed {
    /// A command is to be run.
    Run(Box<Cli>),
    /// The requested text was printed; the process ends with this exit code.
    Shown(u8),
}

impl Cli {
    /// Reads a command line, including the program's name. Prints what needs no settings if it is asked for:
    /// help, the version, completions, manual pages. It is not an error if nobody reads that.
    ///
    /// # Errors
    /// `Usage` with the flag at fault and what to type instead; those of `evo completions` and `evo man`.
    pub fn read(line: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Parsed> {
        let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
        let tree = words::with_hyphens(Cli::command());
        let parsed = tree.clone().try_get_matches_from(&line).and_then(|matches| Cli::from_arg_matches(&matches));
        match parsed {
            Ok(Cli { command: Command::Completions(args), .. }) => {
                commands::completions::print(&args, &tree).map(|()| Parsed::Shown(0))
            }
            Ok(Cli { command: Command::Man(args), .. }) => {
                commands::man::print(&args, &tree).map(|()| Parsed::Shown(0))
            }
            Ok(mut cli) => {
                cli.global.of_command = cli.command.settings();
                Ok(Parsed::Run(Box::new(cli)))
            }
            Err(e) if words::is_help(&e) => {
                let _ = e.print();
                Ok(Parsed::Shown(u8::try_from(e.exit_code()).unwrap_or(2)))
            }
            Err(e) => Err(words::plain(&e, &line, &tree)),
        }
    }

    /// The settings of this command line. A command that lists every mistake gets them with theirs.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_settings(&self) -> Result<Settings> {
        match &self.command {
            Command::Config(_) | Command::Doctor(_) => Settings::load_with_mistakes(&self.global),
            Command::Db(args) if args.works_with_mistakes() => Settings::load_with_mistakes(&self.global),
            _ => Settings::load(&self.global),
        }
    }
}

impl Command {
    /// The settings that the command's own flags give: key and text as typed.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let given: Vec<(&'static str, Option<&String>)> = match self {
            Command::Load(args) => {
                vec![("workers", args.workers.as_ref()), ("batch_size", args.batch_size.as_ref())]
            }
            Command::Extract(args) => vec![("workers", args.workers.as_ref())],
            Command::Transform(args) => vec![("workers", args.workers.as_ref())],
            Command::Verify(args) => vec![("workers", args.workers.as_ref())],
            Command::Rejects(args) => args.settings(),
            _ => Vec::new(),
        };
        given.into_iter().filter_map(|(key, text)| Some((key, text?.clone()))).collect()
    }

    /// Whether it is a job: it reports metrics and spans, and somebody may be notified of its end. A command
    /// that only shows something is none.
    pub fn is_job(&self) -> bool {
        match self {
            Command::Extract(args) => args.is_job(),
            Command::Load(args) => !args.dry_run,
            Command::Rejects(args) => args.is_replay(),
            Command::Transform(args) => !args.dry_run,
            Command::OptimizeStorage(args) => args.vacuum || args.reindex,
            Command::Migrate(args) => !args.dry_run,
            Command::Verify(args) => !args.dry_run,
            Command::Check(_) => true,
            _ => false,
        }
    }

    /// The command as it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Generate(_) => "generate",
            Command::Extract(_) => "extract",
            Command::Load(_) => "load",
            Command::Rejects(_) => "rejects",
            Command::Objects(_) => "objects",
            Command::Transform(_) => "transform",
            Command::Check(_) => "check",
            Command::Verify(_) => "verify",
            Command::OptimizeStorage(_) => "optimize-storage",
            Command::Status(_) => "status",
            Command::Runs(_) => "runs",
            Command::Catalog(_) => "catalog",
            Command::Doctor(_) => "doctor",
            Command::New(_) => "new",
            Command::Drift(_) => "drift",
            Command::Preview(_) => "preview",
            Command::Reset(_) => "reset",
            Command::Distribute(_) => "distribute",
            Command::Test(_) => "test",
            Command::Migrate(_) => "migrate",
            Command::Config(_) => "config",
            Command::Db(_) => "db",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Those of the command; the kind gives the exit code.
pub async fn dispatch(command: Command, settings: &Settings) -> Result<Outcome> {
    // Jobs on the heap: otherwise their futures are nested deeper than the compiler follows.
    match command {
        Command::Generate(args) => commands::generate::run(args, settings).await,
        Command::Extract(args) => Box::pin(commands::extract::run(args, settings)).await,
        Command::Load(args) => Box::pin(commands::load::run(args, settings)).await,
        Command::Rejects(args) => Box::pin(commands::rejects::run(args, settings)).await,
        Command::Objects(args) => commands::objects::run(args, settings).await,
        Command::Transform(args) => Box::pin(commands::transform::run(args, settings)).await,
        Command::Check(args) => commands::check::run(args, settings).await,
        Command::Verify(args) => Box::pin(commands::verify::run(args, settings)).await,
        Command::OptimizeStorage(args) => Box::pin(commands::optimize_storage::run(args, settings)).await,
        Command::Status(args) => commands::status::run(args, settings).await,
        Command::Runs(args) => commands::runs::run(args, settings).await,
        Command::Catalog(args) => Box::pin(commands::catalog::run(args, settings)).await,
        Command::Doctor(args) => Box::pin(commands::doctor::run(args, settings)).await,
        Command::New(args) => Box::pin(commands::new::run(args, settings)).await,
        Command::Drift(args) => Box::pin(commands::drift::run(args, settings)).await,
        Command::Preview(args) => Box::pin(commands::preview::run(args, settings)).await,
        Command::Reset(args) => commands::reset::run(args, settings).await,
        Command::Distribute(args) => commands::distribute::run(args, settings).await,
        Command::Test(args) => Box::pin(commands::test::run(args, settings)).await,
        Command::Migrate(args) => commands::migrate::run(args, settings).await,
        Command::Config(args) => commands::config::run(args, settings).await,
        Command::Db(args) => commands::db::run(args, settings).await,
        // Printed as the command line was read.
        Command::Completions(_) | Command::Man(_) => Ok(Outcome::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_wide(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter(|line| line.chars().count() > 80).map(str::to_owned);
        lines.chain(command.get_subcommands().flat_map(too_wide)).collect()
    }

    #[test]
    fn the_examples_of_every_command_fit_a_terminal_of_80_columns() {
        assert_eq!(too_wide(&Cli::command()), Vec::<String>::new());
    }
}
