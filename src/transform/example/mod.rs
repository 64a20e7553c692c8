//! Tests of models: documents in, rows out. Nothing of the warehouse is written: the documents are in a
//! temporary table of a transaction that is rolled back.

mod document;
mod file;
mod run;

pub use document::rows_of;
pub use file::{ModelTest, tests_of};
pub use run::{CellDifference, TestRun, run_test};
