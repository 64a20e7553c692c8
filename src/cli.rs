//! The command line: global flags, the subcommands, and their dispatch.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::config::{GlobalArgs, Settings};
use crate::error::Result;
use crate::report::Outcome;

/// Batch jobs for a medallion warehouse on PostgreSQL: bronze objects to staging, staging to typed core tables.
#[derive(Debug, Parser)]
#[command(name = "evo", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write realistic bronze objects to the lake
    Generate(commands::generate::Args),
    /// Load bronze objects into the staging tables
    Load(commands::load::Args),
    /// See, export and replay lines that were refused
    Rejects(commands::rejects::Args),
    /// Fill the core tables from staging
    Transform(commands::transform::Args),
    /// Ask whether the warehouse is as it should be
    Check(commands::check::Args),
    /// Show and mend the storage of the warehouse: vacuum, reindex
    OptimizeStorage(commands::optimize_storage::Args),
    /// Show what is loaded, what is pending and how fresh it is
    Status(commands::status::Args),
    /// Create or upgrade the schemas evo, stg_evo and core
    Migrate(commands::migrate::Args),
    /// Show the effective settings and where each comes from
    Config(commands::config::Args),
    /// Manage the private PostgreSQL that evo uses when none is configured
    Db(commands::db::Args),
}

/// Runs the chosen command.
///
/// # Errors
/// Whatever the command could not do; its kind gives the exit code.
pub async fn dispatch(command: Command, settings: &Settings) -> Result<Outcome> {
    // Jobs on the heap: nested in one another, their futures are deeper than the compiler follows.
    match command {
        Command::Generate(args) => commands::generate::run(args, settings).await,
        Command::Load(args) => Box::pin(commands::load::run(args, settings)).await,
        Command::Rejects(args) => Box::pin(commands::rejects::run(args, settings)).await,
        Command::Transform(args) => Box::pin(commands::transform::run(args, settings)).await,
        Command::Check(args) => commands::check::run(args, settings).await,
        Command::OptimizeStorage(args) => Box::pin(commands::optimize_storage::run(args, settings)).await,
        Command::Status(args) => commands::status::run(args, settings).await,
        Command::Migrate(args) => commands::migrate::run(args, settings).await,
        Command::Config(args) => commands::config::run(args, settings).await,
        Command::Db(args) => commands::db::run(args, settings).await,
    }
}
