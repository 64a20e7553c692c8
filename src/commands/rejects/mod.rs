//! `evo rejects`: lines that were refused, and the way back in for them.

mod file;
mod replay;

use std::path::PathBuf;

use serde_json::json;

use super::warehouse::{self, Access, Warehouse};
use crate::config::{self, Settings};
use crate::entity::Catalog;
use crate::error::Result;
use crate::ids::RejectId;
use crate::ledger::rejects::{self, Reject, RejectFilter};
use crate::report::table::table;
use crate::report::{Outcome, units};

/// Shows, exports and replays lines that a load has refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A rejected line is kept verbatim, with object, line number, byte offset and
reason; the other lines are loaded.

Examples:
  evo rejects list sales                         what was rejected, and why
  evo rejects show 17                            one line, verbatim
  evo rejects export sales --to rejects.jsonl    all lines, to correct them
  evo rejects replay sales --file rejects.jsonl  loads the corrected lines
  evo rejects replay sales                       checks the lines again

A line corrected in the lake needs no replay: the next `evo load` loads the
replaced object.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List rejected lines, newest first, and count them by reason
    List {
        #[command(flatten)]
        which: Which,
        /// Also lines that have been loaded since
        #[arg(long)]
        all: bool,
        /// Show at most this many lines
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = config::whole::<i64>(0, 1_000_000))]
        limit: i64,
    },
    /// Show one rejected line verbatim
    Show {
        /// Its id, from `evo rejects list`
        #[arg(value_name = "ID", value_parser = config::whole::<i64>(1, i64::MAX as u64))]
        reject_id: i64,
    },
    /// Write open rejects to a file, one JSON object per line, for correction
    Export {
        #[command(flatten)]
        which: Which,
        /// The file; it must not exist yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Load objects with open rejects again; lines that pass now are resolved
    Replay {
        #[command(flatten)]
        which: Which,
        /// Corrected lines in the format of `export`; the text in `line` replaces the rejected line
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Parallel batches, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
        #[arg(long, value_name = "N")]
        workers: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(value_name = "ENTITY", default_value = "all")]
    entities: Vec<String>,
    /// Only this run
    #[arg(long, value_name = "RUN_ID")]
    run_id: Option<String>,
}

impl Args {
    /// Whether lines are replayed, which is a job.
    pub(crate) fn is_replay(&self) -> bool {
        matches!(self.action, Action::Replay { .. })
    }

    /// The settings that its flags give.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Option<&String>)> {
        match &self.action {
            Action::Replay { workers, .. } => vec![("workers", workers.as_ref())],
            _ => Vec::new(),
        }
    }
}

impl Which {
    fn filter(&self, warehouse: &Warehouse, resolved_too: bool) -> Result<RejectFilter> {
        let entities = warehouse.catalog.select(&self.entities)?.iter().map(|e| e.name.clone()).collect();
        Ok(RejectFilter { entities, run_id: self.run_id.clone(), resolved_too })
    }
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity or reject, or a file that is not what it must be; of the lake and the
/// server.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    match args.action {
        Action::List { which, all, limit } => {
            let warehouse = look(settings).await?;
            let filter = which.filter(&warehouse, all)?;
            list(&warehouse, &filter, limit).await
        }
        Action::Show { reject_id } => {
            let warehouse = look(settings).await?;
            Ok(file::show(&rejects::content(&warehouse.pool, RejectId(reject_id)).await?))
        }
        Action::Export { which, to } => {
            let warehouse = look(settings).await?;
            let filter = which.filter(&warehouse, false)?;
            file::export(&warehouse.pool, &filter, &to).await
        }
        Action::Replay { which, file, workers: _ } => {
            let corrected = file.as_deref().map(file::read).transpose()?;
            replay::run(&which, corrected, settings).await
        }
    }
}

async fn look(settings: &Settings) -> Result<Warehouse> {
    warehouse::open(settings, Catalog::load(settings.extend.as_deref())?, ("rejects", 1), Access::Reads).await
}

async fn list(warehouse: &Warehouse, filter: &RejectFilter, limit: i64) -> Result<Outcome> {
    let reasons = rejects::reasons(&warehouse.pool, filter).await?;
    let rejects = rejects::list(&warehouse.pool, filter, limit).await?;
    let json = json!({
        "reasons": reasons.iter().map(|r| json!({
            "entity": r.entity, "reason": r.reason, "lines": r.lines, "objects": r.objects,
        })).collect::<Vec<_>>(),
        "rejects": rejects.iter().map(|r| json!({
            "reject_id": r.reject_id.0, "entity": r.entity, "path": r.path, "line_number": r.line_number,
            "byte_offset": r.byte_offset, "reason": r.reason, "sqlstate": r.sqlstate, "bytes": r.bytes,
            "rejected_at": r.rejected_at, "resolved": r.is_resolved, "fixed": r.is_fixed,
        })).collect::<Vec<_>>(),
    });
    if reasons.is_empty() {
        let what = if filter.resolved_too { "no lines were ever rejected" } else { "no rejected lines" };
        return Ok(Outcome::new(what, json));
    }
    let n = |v: i64| units::count(v.unsigned_abs());
    let total: i64 = reasons.iter().map(|r| r.lines).sum();
    let by_reason = reasons.iter().map(|r| vec![r.entity.clone(), n(r.lines), n(r.objects), r.reason.clone()]);
    let mut text = table(&["entity", ">lines", ">objects", "reason"], by_reason);
    text += "\n\n";
    text += &table(&["id", ">line", ">offset", ">bytes", "refused (UTC)", "state", "object"], rejects.iter().map(row));
    if (rejects.len() as i64) < total {
        text += &format!("\nthe newest {} of {}; more with --limit", units::count(rejects.len() as u64), n(total));
    }
    text += "\n\nnext: evo rejects show ID, or evo rejects export --to FILE";
    Ok(Outcome::new(text, json))
}

fn row(r: &Reject) -> Vec<String> {
    let state = match (r.is_resolved, r.is_fixed) {
        (true, _) => "resolved",
        (false, true) => "corrected, refused again",
        (false, false) => "open",
    };
    vec![
        r.reject_id.to_string(),
        units::count(r.line_number.unsigned_abs()),
        units::count(r.byte_offset.unsigned_abs()),
        units::count(r.bytes.unsigned_abs()),
        r.rejected_at.replace('T', " ").trim_end_matches('Z').to_owned(),
        state.to_owned(),
        r.path.clone(),
    ]
}
