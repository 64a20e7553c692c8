//! Forecasts how the next batch is best staged.
//!
//! All keys new: straight into the staging table. Most keys new: every document as jsonb into a temporary
//! table. Most keys known: keys and hashes first, then the documents of the few lines that the server does
//! not hold, which costs a second reading of their objects. A wrong guess costs only time.
//!
//! Rows are never copied straight into a partitioned table: those without a partition yet would land in the
//! default one.

use parking_lot::Mutex;

use crate::ledger::batches::Counts;
use crate::stage::StageAs;

/// Share of unchanged lines above which keys first is cheaper: reading twice costs about as much as sending
/// 0.4.
const MOSTLY_KNOWN: f64 = 0.4;

/// What the batches so far suggest about the next one. Shared by the workers of a load.
#[derive(Debug)]
pub(super) struct Forecast {
    may_be_direct: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    holds_rows: bool,
    run_id: String,
    next: StageAs,
    /// Whether direct loading has failed in this run: it would fail again.
    is_refuted: bool,
}

impl Forecast {
    /// A forecast for a staging table that holds rows or none; `may_be_direct` where it is not partitioned.
    pub(super) fn new(holds_rows: bool, may_be_direct: bool) -> Self {
        let state = State { holds_rows, run_id: String::new(), next: StageAs::Jsonb, is_refuted: false };
        Self { may_be_direct, state: Mutex::new(state) }
    }

    /// How a batch of the run should be staged. A run begins with keys, unless staging holds nothing that
    /// could be known: the usual run repeats what was there.
    pub(super) fn stage_as(&self, run_id: &str) -> StageAs {
        let mut state = self.state.lock();
        if state.run_id != run_id {
            run_id.clone_into(&mut state.run_id);
            state.is_refuted = false;
            state.next = if state.holds_rows { StageAs::Keys } else { self.all_new(&state) };
        }
        state.next
    }

    /// Learns what a batch of the run turned out to be.
    pub(super) fn learn(&self, run_id: &str, counts: &Counts) {
        let mut state = self.state.lock();
        state.holds_rows |= counts.inserted > 0;
        if state.run_id == run_id && counts.lines > 0 {
            state.next = if counts.inserted + counts.rejected == counts.lines {
                self.all_new(&state)
            } else if counts.unchanged as f64 >= counts.lines as f64 * MOSTLY_KNOWN {
                StageAs::Keys
            } else {
                StageAs::Jsonb
            };
        }
    }

    /// Learns that a batch of the run could not be copied directly.
    pub(super) fn refute_direct(&self, run_id: &str) {
        let mut state = self.state.lock();
        if state.run_id == run_id {
            state.is_refuted = true;
            state.next = StageAs::Jsonb;
        }
    }

    fn all_new(&self, state: &State) -> StageAs {
        if self.may_be_direct && !state.is_refuted { StageAs::Direct } else { StageAs::Jsonb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(inserted: i64, unchanged: i64) -> Counts {
        Counts { lines: 100, inserted, unchanged, superseded: 100 - inserted - unchanged, ..Counts::default() }
    }

    #[test]
    fn an_empty_table_takes_rows_directly_and_a_run_of_known_ones_keys() {
        let forecast = Forecast::new(false, true);
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        forecast.learn("1", &counts(100, 0));
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        assert_eq!(forecast.stage_as("2"), StageAs::Keys, "a later run probably brings the same again");
        forecast.learn("2", &counts(90, 10));
        assert_eq!(forecast.stage_as("2"), StageAs::Jsonb);
        forecast.learn("2", &counts(10, 90));
        assert_eq!(forecast.stage_as("2"), StageAs::Keys);
        assert_eq!(Forecast::new(true, true).stage_as("1"), StageAs::Keys);
    }

    #[test]
    fn a_run_in_which_direct_loading_failed_is_staged_to_its_end() {
        let forecast = Forecast::new(false, true);
        assert_eq!(forecast.stage_as("1"), StageAs::Direct);
        forecast.refute_direct("1");
        forecast.learn("1", &counts(100, 0));
        assert_eq!(forecast.stage_as("1"), StageAs::Jsonb);
        assert_eq!(Forecast::new(false, false).stage_as("1"), StageAs::Jsonb, "never into partitions");
    }
}
