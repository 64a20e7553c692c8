//! `evo runs`: what was executed, what is running, and one execution in full.

mod detail;
mod list;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::json;

use super::warehouse::{self, Access, Warehouse};
use crate::config::{self, Settings};
use crate::entity::Catalog;
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::ledger::history::{self, HistoryFilter};
use crate::report::Outcome;
use crate::report::watch::{Frame, watch};

/// Lists the executions of jobs, the newest first, or shows one in full. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo runs                      the last 20 executions
  evo runs --failed --since 7d  what went wrong in the last seven days
  evo runs last                 the newest execution in full
  evo runs 019ad3c2-8a1b        one in full: entities, phases, batches, error
  evo runs --watch              what is running, redrawn until nothing runs
  evo runs last --watch         one execution, until it ends

States: running; succeeded; failed; interrupted, by a signal; silent: its end
is not recorded, and it has shown no sign of life for a minute. It was killed,
or cannot reach the database. Run the command again: it does whatever is left.

The same as views, for BI and Grafana: docs/monitoring.md.")]
pub struct Args {
    /// An execution: its id, the beginning of its id, or `last` [default: list them]
    #[arg(value_name = "ID", value_parser = id)]
    pub id: Option<String>,
    /// Only executions that failed, were interrupted or fell silent
    #[arg(long, conflicts_with = "id")]
    pub failed: bool,
    /// Only executions that ran since then: a day (UTC), or a time ago such as 12h or 7d
    #[arg(long, value_name = "YYYY-MM-DD|TIME", value_parser = since, conflicts_with = "id")]
    pub since: Option<DateTime<Utc>>,
    /// At most this many executions, or batches of the one that is shown
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = config::whole::<i64>(1, 100_000))]
    pub limit: i64,
    /// Show it again every two seconds until the job ends, or nothing is running
    #[arg(long)]
    pub watch: bool,
}

/// An id, the beginning of one, or `last`.
fn id(text: &str) -> Result<String> {
    let is_id = text.len() <= 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    match text == "last" || is_id && !text.is_empty() {
        true => Ok(text.to_owned()),
        false => {
            let message = format!("expected the id of an execution, its beginning, or last, found {text:?}");
            Err(Error::new(Kind::Usage, message).hint("`evo runs` lists them"))
        }
    }
}

/// The beginning of a day, or a moment some time ago.
fn since(text: &str) -> Result<DateTime<Utc>> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let ago = humantime::parse_duration(text).ok().and_then(|ago| chrono::Duration::from_std(ago).ok());
    ago.and_then(|ago| Utc::now().checked_sub_signed(ago)).ok_or_else(|| {
        let message = format!("expected a day such as 2026-01-31 or a time such as 12h or 7d, found {text:?}");
        Error::new(Kind::Usage, message)
    })
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an execution that does not exist, or a beginning that several have; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let warehouse = warehouse::open(settings, catalog, ("runs", 1), Access::Reads).await?;
    let id = match &args.id {
        Some(beginning) => Some(history::find(&*warehouse.pool.get().await?, beginning).await?),
        None => None,
    };
    if args.watch {
        return watch(settings, "runs", async || look(&warehouse, &args, id).await).await;
    }
    Ok(look(&warehouse, &args, id).await?.outcome)
}

async fn look(warehouse: &Warehouse, args: &Args, id: Option<ExecutionId>) -> Result<Frame> {
    let connection = warehouse.pool.get().await?;
    let progress = history::progress(&*connection, id).await?;
    if let Some(id) = id {
        let record = history::read(&*connection, id, args.limit).await?;
        let goes_on = record.row.is_running();
        let json = detail::to_json(&record, &progress);
        return Ok(Frame { outcome: Outcome::new(detail::text(&record, &progress), json), goes_on });
    }
    let filter = HistoryFilter { execution_id: None, failed: args.failed, since: args.since, limit: args.limit };
    let rows = history::list(&*connection, &filter).await?;
    let running = history::running(&*connection).await?;
    let json = json!({ "executions": rows, "running": running, "progress": progress });
    let text = list::text(&rows, &progress, args);
    Ok(Frame { outcome: Outcome::new(text, json), goes_on: running > 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_day_or_a_time_ago() {
        assert_eq!(since("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        let week = Utc::now() - since("7d").unwrap();
        assert!((week.num_minutes() - 7 * 24 * 60).abs() <= 1, "{week}");
        for wrong in ["", "yesterday", "-3h", "2026-13-01", "99999999999d"] {
            assert!(since(wrong).unwrap_err().message().contains("expected a day"), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_hexadecimal_or_last() {
        for right in ["019ad3c2", "019ad3c2-8a1b", "last", "A"] {
            assert_eq!(id(right).unwrap(), right);
        }
        for wrong in ["", "first", "019ad3c2%", "x'y"] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
