//! The schema's version, and what it needs of the server: zones and extensions.

use super::finding::{DoctorFinding, Fix, Gravity};
use super::host::Host;
use super::subject::Subject;
use crate::error::{Error, Kind, Result};
use crate::ledger::{migrations, staging};
use crate::pg::Connection;

/// Whether the schema is the one that this evo works with. Empty if so.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn version(connection: &mut Connection, subject: &Subject<'_>) -> Result<Vec<DoctorFinding>> {
    if let Err(error) = migrations::require_current(connection, subject.migrations).await {
        return wrong("schema.version", error, subject.is_private);
    }
    match staging::require_fitting(&*connection, subject.entities).await {
        Ok(()) => Ok(Vec::new()),
        Err(error) => wrong("schema.staging", error, false),
    }
}

/// The finding for a schema that is not as it should be; any other error stays one.
fn wrong(id: &str, error: Error, is_upgraded: bool) -> Result<Vec<DoctorFinding>> {
    if error.kind() != Kind::Config {
        return Err(error);
    }
    let (gravity, why) = match is_upgraded {
        true => (Gravity::Note, "the next job upgrades the private PostgreSQL by itself"),
        false => (Gravity::Breaks, "every job ends with exit code 3 before it begins"),
    };
    let finding = DoctorFinding::new(gravity, id, error.message(), why);
    let hint = error.hint_text().unwrap_or_default();
    Ok(vec![match hint.contains("evo migrate") {
        true => finding.shell("evo migrate"),
        false => finding.fixed_by((!hint.is_empty()).then(|| Fix::Words(hint.to_owned()))),
    }])
}

/// Zones of the entities, and the extensions that evo makes use of.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn surroundings(
    connection: &Connection,
    subject: &Subject<'_>,
    host: &Host,
) -> Result<Vec<DoctorFinding>> {
    let mut found = Vec::new();
    let zones: Vec<String> = subject.entities.iter().map(|entity| entity.zone.clone()).collect();
    for row in connection.query(sql_file!("doctor/zones.sql"), &[&zones]).await? {
        let zone: String = row.get(0);
        let of = subject.entities.iter().find(|entity| entity.zone == zone).map_or("", |entity| entity.name.as_str());
        let what = format!("the server does not know the time zone {zone:?} of {of}");
        let why = "local times of its documents cannot be read";
        let finding = DoctorFinding::new(Gravity::Breaks, "schema.zone", what, why);
        found.push(finding.words("write one of select name from pg_timezone_names; into its entity.toml"));
    }
    let names = vec!["pgstattuple".to_owned()];
    for row in connection.query(sql_file!("doctor/extensions.sql"), &[&names]).await? {
        let (name, is_installed, is_available): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
        if is_installed || subject.is_private {
            continue;
        }
        let what = format!("the extension {name} is not installed");
        let why = "`evo optimize-storage` estimates bloat instead of measuring it";
        let mut finding = DoctorFinding::new(Gravity::Note, format!("extension.{name}"), what, why);
        let allowed: String = row.get::<_, Option<String>>(3).unwrap_or_default();
        let is_allowed = allowed.split(',').any(|other| other.trim().eq_ignore_ascii_case(&name));
        if matches!(host, Host::Azure(_)) && !is_allowed {
            // The parameter is replaced as a whole.
            let all: Vec<&str> = allowed.split(',').map(str::trim).filter(|other| !other.is_empty()).collect();
            let all = [all.as_slice(), &[name.to_uppercase().as_str()]].concat().join(",");
            finding = finding.fixed_by([host.set("azure.extensions", &all, &all)]);
        }
        found.push(match is_available {
            true => finding.sql(format!("create extension {name};")),
            false => finding.words("its package comes with PostgreSQL: postgresql-contrib"),
        });
    }
    Ok(found)
}
