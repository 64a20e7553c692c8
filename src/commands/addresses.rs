//! Which database and which lake a command works with, and which setting named them.

use serde_json::{Value, json};

use crate::config::{Database, Settings};

/// The database and the lake, and which setting named them; as text and as JSON.
pub(super) fn addresses(settings: &Settings) -> (String, [Value; 2]) {
    let find = |name: &str| settings.shown.iter().find(|r| r.key.name == name);
    let [database, lake] = ["database_url", "lake"].map(|name| {
        let text = find(name).and_then(|r| r.text.clone()).unwrap_or_default();
        let origin = find(name).map_or(String::new(), |r| r.origin.to_string());
        (text, origin)
    });
    let database = match settings.database {
        Database::Server(_) => database,
        Database::Embedded => (format!("a private PostgreSQL in {}", settings.state_dir.display()), database.1),
    };
    let text = format!("database  {} ({})\nlake      {} ({})", database.0, database.1, lake.0, lake.1);
    (text, [database, lake].map(|(address, origin)| json!({ "address": address, "origin": origin })))
}
