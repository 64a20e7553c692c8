//! `evo config show`: the effective settings and where each comes from.

use serde_json::json;

use crate::config::Settings;
use crate::error::Result;
use crate::report::Outcome;
use crate::report::table::table;

/// Shows the effective settings; secrets are never shown.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show every setting, its value and its origin
    Show,
}

/// Runs the command.
///
/// # Errors
/// None.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    match args.action {
        None | Some(Action::Show) => {}
    }
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows: Vec<Vec<String>> = settings
        .shown
        .iter()
        .map(|r| vec![r.key.name.to_owned(), value(&r.text), r.origin.to_string(), r.key.variable.to_owned()])
        .collect();
    for (variable, secret) in settings.azure.iter() {
        use secrecy::ExposeSecret;
        let text = if variable.secret { "***" } else { secret.expose_secret() };
        rows.push(vec![
            String::new(),
            text.to_owned(),
            format!("environment {}", variable.name),
            variable.name.to_owned(),
        ]);
    }
    let json: serde_json::Map<String, serde_json::Value> = settings
        .shown
        .iter()
        .map(|r| (r.key.name.to_owned(), json!({ "value": r.text, "origin": r.origin.to_string() })))
        .collect();
    Ok(Outcome::new(table(&["setting", "value", "origin", "variable"], rows), json.into()))
}
