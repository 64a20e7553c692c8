//! `evo config schema`: what settings and declarations may contain, for editors.

use crate::config::settings_schema;
use crate::entity::declaration_schema;
use crate::report::Outcome;

/// The schema of evo.toml (`settings`) or of entity.toml.
pub(super) fn schema(of: &str) -> Outcome {
    let schema = if of == "settings" { settings_schema() } else { declaration_schema() };
    Outcome::new(format!("{schema:#}"), schema)
}
