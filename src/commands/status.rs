//! `evo status`: what is loaded, what is pending, and how fresh it is.

mod activity;
mod extracted;
mod new_objects;

use activity::Work;
use extracted::Rounds;
use new_objects::{LakeScan, NewObjects};
use serde_json::{Value, json};

use super::addresses::addresses;
use super::measured::seconds;
use super::warehouse::{self, Access, Warehouse};
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::Result;
use crate::ledger::followed;
use crate::pg::Connection;
use crate::report::table::table;
use crate::report::watch::{Frame, watch};
use crate::report::{Outcome, units};
use crate::transform::definitions::Definitions;
use crate::transform::dimension::{self, Dimension};

/// Shows for each entity and dimension what is loaded and transformed, what is pending and how long it will
/// take, what the last hour brought, and what is running. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo status                  everything
  evo status sales            one entity
  evo status --ledger-only    do not list the lake: fast, whatever its size
  evo status --watch          redrawn every two seconds, until nothing runs

Pending objects are in the lake but not loaded yet. To count them, status
lists the lake, for ten seconds at most; a million objects on Azure take about
200 requests. If it cannot, it says so and shows what the last load saw.

Times to load and to transform are estimates, from the speed of the latest
batches and transforms of each entity. The same figures are views:
docs/monitoring.md. Single executions: evo runs.

Of entities that evo extracts: the window that was read longest ago, and when
all will have been read again, at the budget of the last extraction.")]
pub struct Args {
    /// Entities and dimensions [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Do not list the lake
    #[arg(long)]
    pub ledger_only: bool,
    /// Show it again every two seconds until nothing is running; does not list the lake
    #[arg(long)]
    pub watch: bool,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity; those of the server. A lake that cannot be listed is reported, and is not
/// an error.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let dimensions = dimension::all(settings.extend.as_deref(), &catalog)?;
    dimension::select(&catalog, &dimensions, &args.entities)?;
    let warehouse = warehouse::open(settings, catalog, ("status", 1), Access::Reads).await?;
    let (entities, dimensions) = dimension::select(&warehouse.catalog, &dimensions, &args.entities)?;
    let subjects = (entities.as_slice(), dimensions.as_slice());
    if args.watch {
        return watch(settings, "status", async || look(settings, &warehouse, subjects, LakeScan::none()).await).await;
    }
    let scan = match args.ledger_only {
        true => LakeScan::none(),
        false => LakeScan::open(settings, &warehouse.pool, &entities).await,
    };
    Ok(look(settings, &warehouse, subjects, scan).await?.outcome)
}

async fn look(
    settings: &Settings,
    warehouse: &Warehouse,
    (entities, dimensions): (&[&Entity], &[&Dimension]),
    mut scan: LakeScan,
) -> Result<Frame> {
    let declared: Vec<&Entity> = warehouse.catalog.all().iter().collect();
    let rounds = Rounds::read(&warehouse.pool, entities, &declared).await?;
    // The scan has asked the ledger which lake this is, on the only connection of this command.
    let connection = warehouse.pool.get().await?;
    let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
    let mut work = Work::read(&connection, &names).await?;
    let (mut rows, mut list) = (Vec::new(), Vec::new());
    for entity in entities {
        let new = scan.count(&connection, entity).await?;
        work.add_new(&entity.name, new);
        let (cells, mut value) = entity_state(&connection, entity, new).await?;
        value["extraction"] = rounds.json(&entity.name);
        rows.push(cells);
        list.push(value);
    }
    for dimension in dimensions {
        let (cells, value) = dimension_state(&connection, dimension).await?;
        rows.push(cells);
        list.push(value);
    }
    let (addresses, [database, lake]) = addresses(settings);
    let doing = Some(work.text()).filter(|text| !text.is_empty()).map_or(String::new(), |text| format!("\n\n{text}"));
    let text = format!("{addresses}\n\n{}{}{doing}{}", shown(rows), rounds.text(), notes(&scan, &list, &work));
    let mut json = json!({
        "database": database, "lake": lake, "lake_listed": scan.is_complete(), "lake_problem": scan.problem(),
        "entities": list,
    });
    work.to_json().as_object().into_iter().flatten().for_each(|(name, value)| json[name] = value.clone());
    Ok(Frame { outcome: Outcome::new(text, json), goes_on: work.goes_on() })
}

fn shown(rows: Vec<Vec<String>>) -> String {
    let headers = [
        "entity",
        ">loaded",
        ">pending",
        ">set aside",
        ">rejects",
        ">to transform",
        ">issues",
        "~newest run",
        "loaded (UTC)",
        "transformed (UTC)",
    ];
    table(&headers, rows)
}

fn visible(text: &Value) -> String {
    crate::visible::line(text.as_str().unwrap_or_default()).into_owned()
}

/// Why `pending` may be incomplete, and what to type next.
fn notes(scan: &LakeScan, list: &[Value], work: &Work) -> String {
    let about = |left: Option<f64>| left.map_or(String::new(), |left| format!(" (about {})", seconds(left)));
    let (load, transform) = work.left();
    let waits = |key: &str| list.iter().any(|e| e[key].as_u64() > Some(0));
    let mut text = String::new();
    for entity in list.iter().filter(|entity| entity["missing"]["rows"].as_u64() > Some(0)) {
        let missing = &entity["missing"];
        let rows = units::counted(missing["rows"].as_u64().unwrap_or_default(), "document is", "documents are");
        let done = if missing["rule"] == "delete" { "deleted" } else { "marked" };
        let (name, run) = (visible(&entity["entity"]), visible(&missing["run_id"]));
        text += &format!("\n\n{name}: {rows} not in run {run} or a newer one, and {done}");
    }
    if let Some(problem) = scan.problem() {
        text += &format!("\n\npending is what the last load saw: {problem}");
    }
    for entity in list.iter().filter(|e| e["changed_definitions"].as_array().is_some_and(|tables| !tables.is_empty())) {
        let tables: Vec<&str> =
            entity["changed_definitions"].as_array().into_iter().flatten().flat_map(Value::as_str).collect();
        text += &format!(
            "\n\nthe definition of {} has changed since its rows were made: evo transform {}",
            tables.join(", "),
            entity["entity"].as_str().unwrap_or_default()
        );
    }
    if waits("objects_pending") || waits("objects_new") {
        text += &format!("\n\nnext: evo load all{}", about(load));
    } else if waits("batches_to_transform") {
        text += &format!("\n\nnext: evo transform all{}", about(transform));
    }
    text
}

/// The cells and the JSON of an entity.
async fn entity_state(
    connection: &Connection,
    entity: &Entity,
    new: Option<NewObjects>,
) -> Result<(Vec<String>, Value)> {
    let row = connection.query_one(sql_file!("status/entity.sql"), &[&entity.name]).await?;
    let counts: Vec<u64> = (0..6).map(|i| row.get::<_, i64>(i).unsigned_abs()).collect();
    let times: Vec<Option<String>> = (6..10).map(|i| row.get(i)).collect();
    let mut cells = vec![entity.name.clone()];
    cells.extend(counts.iter().map(|n| units::count(*n)));
    if let Some(new) = new {
        let at_least = if new.is_complete { "" } else { "≥ " };
        cells[2] = format!("{at_least}{}", units::count(counts[1] + new.objects));
    }
    cells.extend([times[0].clone().unwrap_or_default(), minute(&times[1]), minute(&times[2])]);
    let definitions = Definitions::read(connection, entity).await?;
    let missing = followed::last(connection, &entity.name).await?.map(|last| {
        json!({
            "rule": last.missing, "run_id": last.run.run_id, "rows": last.missing_count,
            "compared_at": last.compared_at,
        })
    });
    let value = json!({
        "entity": entity.name, "changed_definitions": definitions.changed, "unfilled_columns": definitions.unfilled,
        "missing": missing,
        "objects_loaded": counts[0], "objects_pending": counts[1], "objects_quarantined": counts[2],
        "objects_new": new.map(|new| new.objects), "bytes_new": new.map(|new| new.bytes),
        "rejects_open": counts[3], "batches_to_transform": counts[4], "issues": counts[5],
        "newest_run": times[0], "loaded_at": times[1], "transformed_at": times[2], "full_refresh_at": times[3],
    });
    Ok((cells, value))
}

/// The same for a dimension, which is derived and never loaded.
async fn dimension_state(connection: &Connection, dimension: &Dimension) -> Result<(Vec<String>, Value)> {
    let sources = dimension.source_entities();
    let tables = dimension.source_tables();
    let stale = sql_file!("transform/dimension_state.sql");
    let stale: bool = connection.query_one(stale, &[&dimension.name, &tables, &dimension.digest]).await?.get(0);
    let sql = sql_file!("status/dimension.sql");
    let row = connection.query_one(sql, &[&dimension.name, &sources, &stale]).await?;
    let waiting = row.get::<_, i64>(0).unsigned_abs();
    let (transformed, refreshed): (Option<String>, Option<String>) = (row.get(1), row.get(2));
    let mut cells = vec![String::new(); 10];
    cells[0].clone_from(&dimension.name);
    cells[5] = units::count(waiting);
    cells[9] = minute(&transformed);
    let value = json!({
        "entity": dimension.name, "derived_from": sources,
        "batches_to_transform": waiting, "transformed_at": transformed,
        "full_refresh_at": refreshed,
    });
    Ok((cells, value))
}

/// `2026-01-10T02:05:01Z` → `2026-01-10 02:05`, for a column that says UTC.
fn minute(time: &Option<String>) -> String {
    time.as_deref().map_or("never".to_owned(), |time| time.chars().take(16).collect::<String>().replace('T', " "))
}
