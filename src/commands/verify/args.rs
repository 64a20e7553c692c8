//! The flags of `evo verify`.

use clap::builder::PossibleValuesParser;

use crate::config::{self, Share};
use crate::transform::compare::CoreMismatchKind;
use crate::verify::MismatchKind;

/// The values of `--accept`: the words of every kind of mismatch.
fn kinds() -> PossibleValuesParser {
    let staging = MismatchKind::ALL.map(MismatchKind::word);
    staging.into_iter().chain(CoreMismatchKind::ALL.map(CoreMismatchKind::word)).into()
}

/// Compares lake, ledger, staging and core with each other, and names row, object and line of what differs.
/// Changes nothing without --repair.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo verify                         counts and sums; reads no object
  evo verify sales --deep            every line of the lake, every row of core
  evo verify sales --sample 1%       a share of both, another one each time
  evo verify sales --deep --dry-run  how much that would read
  evo verify sales --repair          deletes wrong rows, loads and transforms
  evo verify --accept object-gone    of a lake whose old objects are removed

Exit codes: 0 everything is right · 6 something is not: the summary says what,
where, and what to type.
What is compared, and what each finding means: docs/verify.md.")]
pub struct Args {
    /// Entities and dimensions [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Read every loaded object again and compare each line with its row, and each row of core with what its
    /// model or the dimension's sources give
    #[arg(long)]
    pub deep: bool,
    /// The same for a share of the objects and of the documents
    #[arg(long, value_name = "P%", value_parser = config::share, conflicts_with = "deep")]
    pub sample: Option<Share>,
    /// Repair what is found; goes deep where rows of staging are wrong
    #[arg(long, conflicts_with = "dry_run")]
    pub repair: bool,
    /// Do not fail because of this kind of mismatch; repeatable
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub accept: Vec<String>,
    /// Show how much would be read
    #[arg(long)]
    pub dry_run: bool,
    /// Objects and ranges in parallel, 1 to 64 [env: EVO_WORKERS] [default: one per CPU, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
}
