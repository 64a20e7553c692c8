//! The flags of `evo transform`.

use std::time::Duration;

use crate::config::{self, Share};
use crate::entity::{Entity, KeyType};
use crate::error::{Error, Kind, Result};
use crate::ids::RowKey;
use crate::stage::key::parse_part;
use crate::transform::{Mode, Refresh, Request};

/// The word for the contract of an entity, which is no check.
const CONTRACT: &str = "contract";

/// Brings the core tables up to date with staging; readers always see a complete generation.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo transform all                      what changed since the last transform
  evo transform members --full-refresh   build a new generation and swap it in
  evo transform entries --full-refresh --year 2025
  evo transform sales --dry-run          what it would do, and the disk it needs
  evo transform sales --in-place         compare everything, write differences;
                                         needs no disk for a second generation
  evo transform sales --keys 5,7         only these documents, changed or not
  evo transform sales --strict           stop at a value that does not fit

Without --full-refresh, --incremental or --in-place: transforms what changed
since the last time. It builds a new generation instead if at least half of
100,000 or more documents are new or changed, or if a model, zone or date
format has changed since the rows were made.

A value that does not fit its column becomes null and a row in evo.issues; the
rest of the record is kept.")]
pub struct Args {
    /// members, sales, entries, prospects, branches, employees, one of your own, or all
    #[arg(required = true, value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Rebuild everything from staging; the old generation serves until the swap
    #[arg(long)]
    pub full_refresh: bool,
    /// Only what changed, however much it is
    #[arg(long, conflicts_with_all = ["full_refresh", "in_place"])]
    pub incremental: bool,
    /// Compare all of core with staging and write the differences; needs no disk for a second generation
    #[arg(long, conflicts_with = "full_refresh")]
    pub in_place: bool,
    /// Only the documents with these keys, of one entity, whether they changed or not; %2C is a comma in a
    /// key
    #[arg(
        long, value_name = "KEY", value_delimiter = ',', num_args = 1.., allow_negative_numbers = true,
        conflicts_with_all = ["full_refresh", "incremental", "in_place", "dry_run"]
    )]
    pub keys: Vec<String>,
    /// With --full-refresh: only the partition of this year
    #[arg(long, value_name = "YEAR", requires = "full_refresh", value_parser = config::whole::<i32>(1, 9999))]
    pub year: Option<i32>,
    /// Share of its rows that a table may lose in a full refresh, or that a run may lack; beyond that, an
    /// error and no swap, and no row is marked or deleted
    #[arg(long, value_name = "SHARE", default_value = "20%", value_parser = config::share)]
    pub max_shrink: Share,
    /// How long the swap of a full refresh waits for sessions whose snapshot is older than the new generation
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = config::time(86_400))]
    pub reader_wait: Duration,
    /// Show what would be done and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Parallel chunks, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// Fail on a value that does not fit its column
    #[arg(long)]
    pub strict: bool,
    /// Swap in a new generation although this check returns rows (docs/checks.md); contract: transform
    /// documents that break the entity's contract; repeatable
    #[arg(long, value_name = "CHECK")]
    pub accept: Vec<String>,
}

impl Args {
    /// The keys, which are those of one entity.
    ///
    /// # Errors
    /// `Usage`.
    pub(super) fn keys(&self, entities: &[&Entity], dimensions: usize) -> Result<Vec<RowKey>> {
        if self.keys.is_empty() {
            return Ok(Vec::new());
        }
        let ([entity], 0) = (entities, dimensions) else {
            let message = "--keys are the keys of documents of one entity, and another number is named";
            return Err(Error::new(Kind::Usage, message)
                .hint("name one entity, not a dimension: evo transform sales --keys 5,7"));
        };
        let key_type = entity.key_type();
        let no_key = |text: &str| {
            let (wanted, example) = match key_type {
                KeyType::Integer => ("whole numbers", "--keys 5,7"),
                KeyType::Text => ("texts", "--keys a,b"),
                KeyType::Uuid => ("uuids", "--keys 0a8f4c1e-5c5b-4f0e-9d5e-2f6b7c8d9e0f"),
            };
            let message = format!("--keys: expected {wanted} such as {example}, found {text:?}");
            Error::new(Kind::Usage, message).hint(format!("the keys of {} are {wanted}", entity.name))
        };
        self.keys.iter().map(|text| parse_part(key_type, text).ok_or_else(|| no_key(text))).collect()
    }

    /// The checks that a new generation may fail.
    pub(super) fn accepted_checks(&self) -> Vec<String> {
        self.accept.iter().filter(|what| *what != CONTRACT).cloned().collect()
    }

    /// The request that these flags make.
    pub(super) fn request(&self) -> Request {
        let modes = [
            (self.full_refresh, Mode::FullRefresh),
            (self.incremental, Mode::Incremental),
            (self.in_place || !self.keys.is_empty(), Mode::InPlace),
        ];
        Request {
            mode: modes.into_iter().find_map(|(is_given, mode)| is_given.then_some(mode)),
            refresh: Refresh { year: self.year, max_shrink: self.max_shrink.fraction(), reader_wait: self.reader_wait },
            follows_source: self.keys.is_empty(),
            accepts_contract: self.accept.iter().any(|what| what == CONTRACT),
        }
    }
}
