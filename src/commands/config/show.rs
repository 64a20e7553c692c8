//! `evo config show`: the effective settings and where each comes from.

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::counted::counted;
use crate::error::{Error, Kind};
use crate::report::Outcome;
use crate::report::table::table;

/// Every setting with its value and its origin; secrets are never shown.
pub(super) fn show(settings: &Settings) -> Outcome {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows: Vec<Vec<String>> = settings
        .shown
        .iter()
        .map(|r| vec![r.key.name.to_owned(), value(&r.text), r.origin.to_string(), r.key.variable.to_owned()])
        .collect();
    for (variable, secret) in settings.azure.iter() {
        let text = if variable.secret { "***" } else { secret.expose_secret() };
        rows.push(vec![
            String::new(),
            text.to_owned(),
            format!("environment {}", variable.name),
            variable.name.to_owned(),
        ]);
    }
    let json: Map<String, Value> = settings
        .shown
        .iter()
        .map(|r| (r.key.name.to_owned(), json!({ "value": r.text, "origin": r.origin.to_string() })))
        .collect();
    let text = table(&["setting", "value", "origin", "variable"], rows);
    let mistakes = settings.mistakes.all();
    if mistakes.is_empty() {
        return Outcome::new(text, json.into());
    }
    let shown: Vec<String> = mistakes.iter().map(super::check::shown).collect();
    let message = counted(mistakes.len() as u64, "setting is wrong", "settings are wrong");
    let failure =
        Error::new(Kind::Config, message).hint("the table shows the default of each; correct them: evo config check");
    Outcome::new(format!("{text}\n\n{}", shown.join("\n")), json.into()).failed_with(Some(failure))
}
