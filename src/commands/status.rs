//! `evo status`: what is loaded, what is pending, how fresh it is.

use serde_json::{Value, json};

use super::warehouse;
use crate::config::Settings;
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::Connection;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::transform::dimension::{self, Dimension};

/// Shows per entity and dimension what is loaded and transformed, what waits, and how fresh it is. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What waits is what the last `evo load` or `evo load --dry-run` saw in the lake; status itself does not list it.")]
pub struct Args {
    /// Entities and dimensions [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Of the server; `Usage` for an unknown entity.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let warehouse = warehouse::open(settings, "status", 1).await?;
    let connection = warehouse.pool.get().await?;
    let (mut rows, mut list) = (Vec::new(), Vec::new());
    let dimensions = dimension::all(settings.extend.as_deref(), &warehouse.catalog)?;
    let (entities, dimensions) = dimension::select(&warehouse.catalog, &dimensions, &args.entities)?;
    for entity in entities {
        let (cells, value) = entity_state(&connection, entity).await?;
        rows.push(cells);
        list.push(value);
    }
    for dimension in dimensions {
        let (cells, value) = dimension_state(&connection, dimension).await?;
        rows.push(cells);
        list.push(value);
    }
    let headers = [
        "entity",
        ">loaded",
        ">pending",
        ">set aside",
        ">rejects",
        ">to transform",
        ">issues",
        "newest run",
        "loaded (UTC)",
        "transformed (UTC)",
    ];
    let mut text = table(&headers, rows);
    let waits = |key: &str| list.iter().any(|e| e[key].as_u64() > Some(0));
    if waits("objects_pending") {
        text += "\n\nnext: evo load all";
    } else if waits("batches_to_transform") {
        text += "\n\nnext: evo transform all";
    }
    Ok(Outcome::new(text, json!(list)))
}

/// The cells and the JSON of an entity.
async fn entity_state(connection: &Connection, entity: &Entity) -> Result<(Vec<String>, Value)> {
    let row = connection.query_one(sql_file!("status/entity.sql"), &[&entity.name]).await?;
    let counts: Vec<u64> = (0..6).map(|i| row.get::<_, i64>(i).unsigned_abs()).collect();
    let times: Vec<Option<String>> = (6..10).map(|i| row.get(i)).collect();
    let mut cells = vec![entity.name.clone()];
    cells.extend(counts.iter().map(|n| units::count(*n)));
    cells.extend([times[0].clone().unwrap_or_default(), or_never(&times[1]), or_never(&times[2])]);
    let value = json!({
        "entity": entity.name, "objects_loaded": counts[0], "objects_pending": counts[1], "objects_quarantined": counts[2],
        "rejects_open": counts[3], "batches_to_transform": counts[4], "issues": counts[5],
        "newest_run": times[0], "loaded_at": times[1], "transformed_at": times[2], "full_refresh_at": times[3],
    });
    Ok((cells, value))
}

/// The same of a dimension, which is derived and never loaded.
async fn dimension_state(connection: &Connection, dimension: &Dimension) -> Result<(Vec<String>, Value)> {
    let sources: Vec<String> = dimension.sources.iter().map(|source| source.name.clone()).collect();
    let tables = dimension.source_tables();
    let stale = sql_file!("transform/dimension_state.sql");
    let stale: bool = connection.query_one(stale, &[&dimension.name, &tables]).await?.get(0);
    let sql = sql_file!("status/dimension.sql");
    let row = connection.query_one(sql, &[&dimension.name, &sources, &stale]).await?;
    let waiting = row.get::<_, i64>(0).unsigned_abs();
    let (transformed, anew): (Option<String>, Option<String>) = (row.get(1), row.get(2));
    let mut cells = vec![String::new(); 10];
    cells[0].clone_from(&dimension.name);
    cells[5] = units::count(waiting);
    cells[9] = or_never(&transformed);
    let value = json!({
        "entity": dimension.name, "derived_from": sources, "batches_to_transform": waiting, "transformed_at": transformed,
        "full_refresh_at": anew,
    });
    Ok((cells, value))
}

fn or_never(time: &Option<String>) -> String {
    time.clone().unwrap_or_else(|| "never".to_owned())
}
