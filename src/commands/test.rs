//! `evo test`: documents in, rows out.

use serde_json::{Value, json};

use super::failures;
use super::warehouse::{self, Access, Warehouse};
use crate::citus::Layout;
use crate::config::Settings;
use crate::counted::counted;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::meter::Meter;
use crate::pg::{EntityLock, Purpose};
use crate::report::Outcome;
use crate::shutdown::Shutdown;
use crate::transform::checks::Checks;
use crate::transform::example::{CellDifference, TestRun, run_test, tests_of};
use crate::transform::{EntityJob, require_fitting_models};
use crate::visible;

/// Differences of a test that are shown.
const SHOWN: usize = 20;

/// Runs the tests of models: documents become rows, which are compared with what the test expects. Nothing is
/// written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo test                    the tests of all entities
  evo test visits --extend own

A test is a file models/<entity>/tests/<name>.toml:

  documents = '''
  {\"visit\": 1, \"at\": \"2026-01-09T18:30\", \"guests\": [{\"id\": 5}]}
  {\"visit\": 2, \"amount\": \"free\"}
  '''
  issues = 1        # values that do not fit [default: 0]
  rejected = 0      # documents without a key

  [rows]            # of each table to compare: rows, with columns to compare
  visits = '''
  {\"visit_id\": 1, \"at\": \"2026-01-09 18:30-03\"}
  {\"visit_id\": 2, \"at\": null, \"amount\": null}
  '''
  visit_guests = '{\"visit_id\": 1, \"guest_id\": 5}'

The tables must be there (evo migrate); what they hold does not matter. Exit
code 6 if a test fails, 3 if a table does not fit its model.")]
pub struct Args {
    /// Entities [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity; `Config` for a test that is not understood; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let extend = settings.extend.as_deref();
    let catalog = Catalog::load(extend)?;
    let mut tests = Vec::new();
    for entity in catalog.select(&args.entities)? {
        tests.push((entity.clone(), tests_of(entity, extend)?));
    }
    let warehouse = warehouse::open(settings, catalog, ("test", 2), Access::of(true)?).await?;
    let (mut ran, mut errors) = (Vec::new(), Vec::new());
    for (entity, _) in &tests {
        let fits = require_fitting_models(&*warehouse.pool.get().await?, std::slice::from_ref(entity)).await;
        errors.extend(fits.err().map(|error| (entity.name.clone(), error)));
    }
    tests.retain(|(entity, _)| errors.iter().all(|(failed, _): &(String, Error)| *failed != entity.name));
    for (entity, tests) in tests {
        for test in tests {
            match run_test(&mut job(&warehouse, &entity, settings)?, &test).await {
                Ok(run) => ran.push((entity.name.clone(), run)),
                Err(error) => errors.push((entity.name.clone(), error)),
            }
        }
    }
    let failed = ran.iter().filter(|(_, run)| !run.differences.is_empty()).count();
    let passed = ran.len() - failed;
    let mut text: Vec<String> = ran.iter().map(|(entity, run)| shown(entity, run)).collect();
    let [good, bad] = [(passed, "passed"), (failed + errors.len(), "failed")]
        .map(|(n, word)| format!("{} {word}", counted(n as u64, "test", "tests")));
    text.push(format!("{good}, {bad}"));
    let unable = |(entity, e): &(String, Error)| json!({ "entity": entity, "error": e.to_string() });
    let json = json!({
        "tests": ran.iter().map(|(entity, run)| test_json(entity, run)).collect::<Vec<_>>(),
        "passed": passed, "failed": failed,
        "errors": errors.iter().map(unable).collect::<Vec<_>>(),
    });
    let failure = failures::combined(errors).or_else(|| {
        (failed > 0)
            .then(|| Error::new(Kind::CheckFailed, format!("{} failed", counted(failed as u64, "test", "tests"))))
    });
    Ok(Outcome::new(text.join("\n"), json).failed_with(failure))
}

fn job(warehouse: &Warehouse, entity: &Entity, settings: &Settings) -> Result<EntityJob> {
    Ok(EntityJob {
        pool: warehouse.pool.clone(),
        lock: EntityLock::new(&warehouse.pool, &entity.name, Purpose::Transform),
        entity: entity.clone(),
        layout: Layout::default(),
        execution_id: ExecutionId::new(),
        workers: 1,
        keys: Vec::new(),
        chunk_rows: settings.chunk_rows,
        strict: false,
        checks: Checks::load(None, &warehouse.catalog)?,
        shutdown: Shutdown::never(),
        meter: Meter::default(),
    })
}

fn shown(entity: &str, run: &TestRun) -> String {
    let word = if run.differences.is_empty() { "ok  " } else { "FAIL" };
    let mut text = format!("{word}  {entity}  {}", visible::line(&run.file));
    for difference in run.differences.iter().take(SHOWN) {
        text += &format!("\n      {}", visible::line(&line(difference)));
    }
    if run.differences.len() > SHOWN {
        text += &format!("\n      and {} more", run.differences.len() - SHOWN);
    }
    text
}

fn line(difference: &CellDifference) -> String {
    let CellDifference { table, key, column, expected, found } = difference;
    let value = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    match (expected, found) {
        (None, _) => format!("{table} {key}: a row that is not expected"),
        (_, None) => format!("{table} {key}: the row is missing"),
        _ if table.is_empty() => format!("{key}: expected {}, found {}", value(expected), value(found)),
        _ => format!("{table} {key}, {column}: expected {}, found {}", value(expected), value(found)),
    }
}

fn test_json(entity: &str, run: &TestRun) -> Value {
    let difference = |d: &CellDifference| {
        let CellDifference { table, key, column, expected, found } = d;
        json!({ "table": table, "key": key, "column": column, "expected": expected, "found": found })
    };
    json!({
        "entity": entity, "file": run.file, "passed": run.differences.is_empty(),
        "differences": run.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}
