//! The flags of `evo extract`.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};

use crate::config::{self, Rate};
use crate::error::{Error, Kind, Result};
use crate::extract::{DayRange, Days};

/// Years of which days can be asked for.
const YEARS: RangeInclusive<i32> = 1990..=2200;

/// Extracts what is new and what changed; running it again is safe at any moment, and so is running it
/// several times.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo extract sales --year 2025       a first extraction, in windows of a month
  evo extract all --from 2020-01-01   everything from that day on
  evo extract all                     new and changed records since the last one
  evo extract all --budget 5000       the same; requests that are left of 5,000
                                      read old windows again
  evo extract sales --dry-run         windows, expected requests and hours
  evo extract --try sales             one page, to check a declaration

The credential comes from the environment: EVO_USERNAME and EVO_PASSWORD, or
what [source.NAME] in evo.toml names. Several processes share an extraction and
its rate limit. One that was interrupted continues where it stopped.

Exit codes: 0 everything is in the lake · 3 a declaration or a secret · 4 the
source refused, or a window failed; the next extraction fetches it first · 5
database")]
pub struct Args {
    /// members, sales, entries, prospects, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub(super) entities: Vec<String>,
    /// Windows fetched in parallel, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, help_heading = "Which days")]
    pub(super) from: Option<NaiveDate>,
    /// Last day [default: today, in the entity's zone]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, requires = "from", help_heading = "Which days")]
    pub(super) to: Option<NaiveDate>,
    /// A calendar year
    #[arg(long, value_name = "YYYY", value_parser = config::whole::<i32>(*YEARS.start() as u64, *YEARS.end() as u64),
        conflicts_with_all = ["from", "to"], help_heading = "Which days")]
    pub(super) year: Option<i32>,
    /// The last days, today included: 7d
    #[arg(long, value_name = "DAYS", value_parser = last, conflicts_with_all = ["from", "to", "year"],
        help_heading = "Which days")]
    pub(super) last: Option<u64>,
    /// Another rate than the source's: N/s, N/min or N/h
    #[arg(long, value_name = "RATE", value_parser = config::given_rate, help_heading = "How fast")]
    pub(super) rate: Option<Rate>,
    /// Stop after this number of requests; what new and changed records leave of it reads old windows again
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>(1, 100_000_000), help_heading = "How fast")]
    pub(super) budget: Option<u64>,
    /// Show the plan and fetch nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Fetch one page and show what is in it
    #[arg(long = "try", conflicts_with_all = ["dry_run", "budget"])]
    pub(super) is_trial: bool,
}

fn last(text: &str) -> std::result::Result<u64, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| (1..=36_500).contains(days));
    days.ok_or_else(|| format!("expected a number of days from 1d to 36500d, found {text:?}"))
}

/// A day of a year that records can be of: a mistyped one would cost thousands of requests.
fn day(text: &str) -> std::result::Result<NaiveDate, String> {
    let day = config::day(text).map_err(|e| e.message().to_owned())?;
    match YEARS.contains(&day.year()) {
        true => Ok(day),
        false => Err(format!("expected a day of the years {} to {}, found {text:?}", YEARS.start(), YEARS.end())),
    }
}

impl Args {
    /// Whether it extracts, rather than only showing something.
    pub(crate) fn is_job(&self) -> bool {
        !self.dry_run && !self.is_trial
    }

    /// The days that the flags ask for.
    pub(super) fn range(&self) -> Result<DayRange> {
        Ok(match (self.from, self.year, self.last) {
            (Some(from), _, _) => {
                self.to.map(|to| Days::inclusive(from, to)).transpose()?;
                DayRange::From(from, self.to)
            }
            (None, Some(year), _) => {
                let day = |month, day| NaiveDate::from_ymd_opt(year, month, day);
                let (first, last) = day(1, 1)
                    .zip(day(12, 31))
                    .ok_or_else(|| Error::new(Kind::Usage, format!("--year {year} is not in the calendar")))?;
                DayRange::From(first, Some(last))
            }
            (None, None, Some(days)) => DayRange::Last(days),
            (None, None, None) => DayRange::SinceLast,
        })
    }
}
