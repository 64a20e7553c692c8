//! `evo preview`: the rows that a model gives.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::warehouse::{self, Access};
use crate::config::Settings;
use crate::draft::{SampleFile, first_documents};
use crate::entity::{Catalog, Entity, Model};
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;
use crate::report::table::table;
use crate::suggest::did_you_mean;
use crate::transform::example::rows_of;

/// Characters of a value that are shown.
const SHOWN: usize = 40;

/// Shows the rows that a model gives for some documents, typed as its table is. Writes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo preview visits                          the first documents of staging
  evo preview visit_guests --sample 100
  evo preview visits --from visits.csv        a file that is not loaded

It shows values: run it where those who watch may see them. A value that does
not fit its column is shown as null; `evo test` and `evo transform` say which.")]
pub struct Args {
    /// A model: the name of its core table without the schema
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Documents to read
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sample: u32,
    /// Read the documents of a file instead of staging
    #[arg(long, value_name = "FILE")]
    pub from: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown model or a file that cannot be read; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let catalog = Catalog::load(settings.extend.as_deref())?;
    let (entity, model) = find(&catalog, &args.model)?;
    let documents = match &args.from {
        None => None,
        Some(file) => {
            let sample = [SampleFile::Path(Path::new(file).to_owned())];
            let lines = first_documents(&sample, &entity.input, args.sample as usize).await?;
            Some(lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>())
        }
    };
    let warehouse = warehouse::open(settings, catalog, ("preview", 1), Access::of(true)?).await?;
    let mut connection = warehouse.pool.get().await?;
    let rows = rows_of(&mut connection, (&entity, &model), documents.as_deref(), u64::from(args.sample)).await?;
    let json = json!({ "entity": entity.name, "table": model.table, "rows": rows });
    Ok(Outcome::new(text(&model, &rows), json))
}

fn find(catalog: &Catalog, name: &str) -> Result<(Entity, Model)> {
    let all = catalog.all().iter().flat_map(|entity| entity.models.iter().map(move |model| (entity, model)));
    let bare = |model: &Model| model.table.trim_start_matches("core.").to_owned();
    let wanted = name.trim_start_matches("core.");
    let found = all.clone().find(|(_, model)| bare(model) == wanted);
    if let Some((entity, model)) = found {
        return Ok((entity.clone(), model.clone()));
    }
    let known: Vec<String> = all.map(|(_, model)| bare(model)).collect();
    let error =
        Error::new(Kind::Usage, format!("unknown model {name:?}")).detail(format!("known: {}", known.join(", ")));
    Err(match did_you_mean(wanted, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint("a model of your own is found in the folder given by --extend"),
    })
}

fn text(model: &Model, rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return format!("{}: no row", model.table) };
    let headers: Vec<&str> = first.keys().map(String::as_str).collect();
    table(&headers, rows.iter().map(|row| headers.iter().map(|header| cell(&row[*header])).collect()))
}

/// A value as it fits a table.
pub(super) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
