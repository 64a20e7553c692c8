//! What a job tells other programs, and that it does not depend on them.

mod collectors;
mod notify;
mod otlp;
mod textfile;

use std::process::Command;

use crate::support::{Evo, Run, object};

const RUN: &str = "20260110T020501Z";

/// Two objects of sales: three lines, one of which is rejected.
fn prepared() -> Evo {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale": 1}"#, "{"]);
    object("sales", RUN, "b").lines(&evo.lake(), &[r#"{"idSale": 2}"#]);
    evo
}

/// Loads with these variables.
fn load(evo: &Evo, variables: &[(&str, &str)]) -> Run {
    run(evo.command(&["load", "sales", "--max-rejects", "50%", "--batch-size", "1"]), variables)
}

fn run(mut command: Command, variables: &[(&str, &str)]) -> Run {
    command.envs(variables.iter().copied()).output().unwrap().into()
}
