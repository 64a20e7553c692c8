//! The flags of `evo optimize-storage`.

use std::time::Duration;

use crate::config::{self, Share};
use crate::error::{Error, Kind, Result};

/// Shows heap, TOAST and indexes, dead rows, bloat and what to do about them; with --vacuum or --reindex does
/// it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo optimize-storage                           report; changes nothing
  evo optimize-storage entries --partitions      one line per partition
  evo optimize-storage sales --vacuum            VACUUM (ANALYZE) of its tables
  evo optimize-storage --vacuum --reindex        everything, once a week
  evo optimize-storage --reindex --min-bloat 30%  only indexes with 30 % bloat

Loads and readers continue: VACUUM is never FULL, and indexes are rebuilt
CONCURRENTLY. A rebuild waits for all older transactions of the database; if
one of them lasts longer than --max-wait, that index stays as it is. INVALID
leftovers of canceled rebuilds are dropped.")]
pub struct Args {
    /// Entities and dimensions [default: all, and evo's own tables]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Report and change nothing (the default)
    #[arg(long, conflicts_with_all = ["vacuum", "reindex"])]
    pub analyze: bool,
    /// VACUUM (ANALYZE)
    #[arg(long)]
    pub vacuum: bool,
    /// REINDEX CONCURRENTLY
    #[arg(long)]
    pub reindex: bool,
    /// Rebuild only INVALID indexes and those with this much bloat
    #[arg(long, value_name = "SHARE", requires = "reindex", value_parser = config::share)]
    pub min_bloat: Option<Share>,
    /// How long a rebuild waits for older transactions; 0s: without a limit
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = config::time(7 * 86_400))]
    pub max_wait: Duration,
    /// Measure bloat in large tables too: reads every table and index (needs pgstattuple)
    #[arg(long)]
    pub exact: bool,
    /// Show each partition
    #[arg(long)]
    pub partitions: bool,
}

impl Args {
    /// Whether the command changes nothing.
    pub(super) fn only_shows(&self) -> bool {
        self.analyze || !(self.vacuum || self.reindex)
    }

    /// Refuses flags that do not go together.
    ///
    /// # Errors
    /// `Usage` with the way out.
    pub(super) fn check(&self) -> Result<()> {
        if self.exact && !self.only_shows() && self.min_bloat.is_none() {
            return Err(Error::new(Kind::Usage, "--exact has no effect on --vacuum and --reindex without --min-bloat")
                .hint("leave it out, or add --min-bloat 30%"));
        }
        Ok(())
    }
}
