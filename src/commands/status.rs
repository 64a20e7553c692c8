//! `evo status`: what is loaded, what is pending, how fresh it is.

use serde_json::json;

use super::warehouse;
use crate::config::Settings;
use crate::error::Result;
use crate::report::table::table;
use crate::report::{Outcome, units};

/// Shows per entity what is loaded and transformed, what waits, and how fresh it is. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What waits is what the last `evo load` or `evo load --dry-run` saw in the lake; status itself does not list it.")]
pub struct Args {
    /// Entities [default: all]
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
    for entity in warehouse.catalog.select(&args.entities)? {
        let row = connection.query_one(sql_file!("status/entity.sql"), &[&entity.name]).await?;
        let counts: Vec<u64> = (0..6).map(|i| row.get::<_, i64>(i).unsigned_abs()).collect();
        let times: Vec<Option<String>> = (6..10).map(|i| row.get(i)).collect();
        let shown = |i: usize| times[i].clone().unwrap_or_else(|| "never".to_owned());
        let mut cells = vec![entity.name.clone()];
        cells.extend(counts.iter().map(|n| units::count(*n)));
        cells.extend([times[0].clone().unwrap_or_default(), shown(1), shown(2)]);
        rows.push(cells);
        list.push(json!({
            "entity": entity.name, "objects_loaded": counts[0], "objects_pending": counts[1], "objects_quarantined": counts[2],
            "rejects_open": counts[3], "batches_to_transform": counts[4], "issues": counts[5],
            "newest_run": times[0], "loaded_at": times[1], "transformed_at": times[2], "full_refresh_at": times[3],
        }));
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
