//! Forecasts how the next batch is best staged.
//!
//! All keys new: straight into the staging table. Most keys new: every document as jsonb into a temporary
//! table. Some known: compared with what older runs brought in the same objects, while they are read. Where
//! older runs have no such objects and most keys are known: keys and hashes first, then the documents of the
//! few lines that the server does not hold, which costs a second reading of their objects. A wrong guess
//! costs only time.

use parking_lot::Mutex;

use crate::ledger::batches::Counts;
use crate::stage::StageAs;

/// Percentage of unchanged lines above which keys first is cheaper: reading twice costs about as much as
/// sending 40 of 100 documents.
const MOSTLY_KNOWN: i64 = 40;
/// Percentage of unchanged lines above which fetching rows to compare with is worth its while.
const PARTLY_KNOWN: i64 = 10;
/// Percentage of lines that are not inserted below which the next batch probably has new keys alone.
const NEARLY_ALL_NEW: i64 = 1;
/// The longest stretch of batches after which direct loading is tried again.
const MAX_DETOUR: u32 = 64;

/// The mode that the batches so far suggest for the next one. Shared by the workers of a load.
#[derive(Debug)]
pub(super) struct Forecast {
    state: Mutex<Expected>,
}

#[derive(Debug)]
struct Expected {
    holds_rows: bool,
    run_id: String,
    next: StageAs,
    /// The mode of a batch that there is nothing to compare with.
    without_earlier_rows: StageAs,
    /// Batches to stage in another way before direct loading is tried again.
    detour: u32,
    /// How many they were the last time.
    last_detour: u32,
}

impl Forecast {
    /// A forecast for a staging table that holds rows or none.
    pub(super) fn new(holds_rows: bool) -> Self {
        let state = Expected {
            holds_rows,
            run_id: String::new(),
            next: StageAs::Jsonb,
            without_earlier_rows: StageAs::Keys,
            detour: 0,
            last_detour: 0,
        };
        Self { state: Mutex::new(state) }
    }

    /// How a batch of the run should be staged. The first one of a run is compared, unless staging holds
    /// nothing that could be known: the usual run repeats what was there.
    pub(super) fn stage_as(&self, run_id: &str) -> StageAs {
        let mut state = self.state.lock();
        if state.run_id != run_id {
            run_id.clone_into(&mut state.run_id);
            (state.detour, state.last_detour) = (0, 0);
            state.next = if state.holds_rows { StageAs::Compared } else { StageAs::Direct };
            state.without_earlier_rows = StageAs::Keys;
        }
        state.next
    }

    /// How a batch is staged that should be compared, when there is nothing to compare it with.
    pub(super) fn without_earlier_rows(&self) -> StageAs {
        self.state.lock().without_earlier_rows
    }

    /// Learns what a batch of the run turned out to be.
    pub(super) fn learn(&self, run_id: &str, counts: &Counts) {
        let mut state = self.state.lock();
        state.holds_rows |= counts.inserted > 0;
        if state.run_id != run_id || counts.lines == 0 {
            return;
        }
        let percent = |lines: i64| lines * 100 / counts.lines;
        let not_inserted = counts.lines - counts.inserted - counts.rejected;
        state.without_earlier_rows =
            if percent(counts.unchanged) >= MOSTLY_KNOWN { StageAs::Keys } else { StageAs::Jsonb };
        state.next = if percent(not_inserted) < NEARLY_ALL_NEW {
            state.all_new()
        } else if percent(counts.unchanged) >= PARTLY_KNOWN {
            StageAs::Compared
        } else {
            StageAs::Jsonb
        };
    }

    /// Learns that a batch of the run could not be copied directly. The next ones take the detour, each time
    /// twice as many.
    pub(super) fn refute_direct(&self, run_id: &str) {
        let mut state = self.state.lock();
        if state.run_id == run_id {
            state.last_detour = (state.last_detour * 2).clamp(1, MAX_DETOUR);
            state.detour = state.last_detour;
            state.next = StageAs::Jsonb;
        }
    }
}

impl Expected {
    fn all_new(&mut self) -> StageAs {
        if self.detour == 0 {
            return StageAs::Direct;
        }
        self.detour -= 1;
        StageAs::Jsonb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(inserted: i64, unchanged: i64) -> Counts {
        Counts { lines: 100, inserted, unchanged, superseded: 100 - inserted - unchanged, ..Counts::default() }
    }

    #[test]
    fn an_empty_table_takes_rows_directly_and_a_later_run_is_compared() {
        let forecast = Forecast::new(false);
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        forecast.learn("1", &counts(100, 0));
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        assert_eq!(forecast.stage_as("2"), StageAs::Compared, "a later run probably brings the same again");
        assert_eq!(forecast.without_earlier_rows(), StageAs::Keys);
        forecast.learn("2", &counts(95, 5));
        assert_eq!(forecast.stage_as("2"), StageAs::Jsonb);
        forecast.learn("2", &counts(80, 20));
        assert_eq!(forecast.stage_as("2"), StageAs::Compared);
        assert_eq!(forecast.without_earlier_rows(), StageAs::Jsonb, "not enough to read twice");
        forecast.learn("2", &counts(10, 90));
        assert_eq!(forecast.stage_as("2"), StageAs::Compared);
        assert_eq!(forecast.without_earlier_rows(), StageAs::Keys);
        assert_eq!(Forecast::new(true).stage_as("1"), StageAs::Compared);
    }

    #[test]
    fn direct_loading_that_failed_is_tried_again_after_twice_as_many_batches_each_time() {
        let forecast = Forecast::new(false);
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        for detour in [1, 2, 4, 8, 16, 32, 64, 64] {
            forecast.refute_direct("1");
            for _ in 0..detour {
                assert_eq!(forecast.stage_as("1"), StageAs::Jsonb);
                forecast.learn("1", &counts(100, 0));
            }
            assert_eq!(forecast.stage_as("1"), StageAs::Jsonb, "the batch that failed itself");
            forecast.learn("1", &counts(100, 0));
            assert_eq!(forecast.stage_as("1"), StageAs::Direct, "{detour}");
        }
    }
}
