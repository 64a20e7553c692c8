//! How the next batch is probably best staged.
//!
//! Most rows new: every document as jsonb at once. Most rows known: keys and hashes first, and then the documents of the
//! few lines that the server does not hold, which costs a second reading of their objects. A wrong guess costs time only.

use std::sync::Mutex;

use crate::ledger::batches::Counts;
use crate::stage::StageAs;

/// Share of unchanged lines from which on keys first is cheaper: reading twice costs about as much as sending 0.4.
const MOSTLY_KNOWN: f64 = 0.4;

/// What the batches so far tell about the next.
#[derive(Debug)]
pub(super) struct Forecast(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    holds_rows: bool,
    run_id: String,
    keys_first: bool,
}

impl Forecast {
    /// A forecast for a staging table that holds rows, or none.
    pub(super) fn new(holds_rows: bool) -> Self {
        Self(Mutex::new(State { holds_rows, ..State::default() }))
    }

    /// How a batch of the run should be staged. A run begins with keys, unless there is nothing that could be known: the
    /// usual run brings again what was there.
    pub(super) fn stage_as(&self, run_id: &str) -> StageAs {
        let Ok(mut state) = self.0.lock() else { return StageAs::Jsonb };
        if state.run_id != run_id {
            run_id.clone_into(&mut state.run_id);
            state.keys_first = state.holds_rows;
        }
        if state.keys_first { StageAs::Keys } else { StageAs::Jsonb }
    }

    /// Takes in what a batch of the run turned out to be.
    pub(super) fn learn(&self, run_id: &str, counts: &Counts) {
        let Ok(mut state) = self.0.lock() else { return };
        state.holds_rows |= counts.inserted > 0;
        if state.run_id == run_id && counts.lines > 0 {
            state.keys_first = counts.unchanged as f64 >= counts.lines as f64 * MOSTLY_KNOWN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_takes_documents_and_a_run_of_known_ones_keys() {
        let forecast = Forecast::new(false);
        let all = |inserted, unchanged| Counts { lines: 100, inserted, unchanged, ..Counts::default() };
        assert_eq!(forecast.stage_as("1"), StageAs::Jsonb);
        forecast.learn("1", &all(100, 0));
        assert_eq!(forecast.stage_as("1"), StageAs::Jsonb);
        assert_eq!(forecast.stage_as("2"), StageAs::Keys, "a later run probably brings the same again");
        forecast.learn("2", &all(90, 10));
        assert_eq!(forecast.stage_as("2"), StageAs::Jsonb);
        forecast.learn("2", &all(10, 90));
        assert_eq!(forecast.stage_as("2"), StageAs::Keys);
        assert_eq!(Forecast::new(true).stage_as("1"), StageAs::Keys);
    }
}
