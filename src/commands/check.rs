//! `evo check`: what must hold in the warehouse, checked on the generation that serves.

use serde_json::{Value, json};

use super::failures;
use super::warehouse::{self, Access, Warehouse};
use crate::citus::Layout;
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::transform::checks::{self, Checks, Finding, Scope, Severity, When};

/// Checks that the warehouse is as it should be: no orphans, no lost columns, fresh, and as the ledger says.
/// Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo check                                  every check on every entity
  evo check sales --only orphan              one check on one entity
  evo check --set freshness.max_age='12 hours'

Exit code 6 if a check of severity fail returns rows. Your own checks:
docs/checks.md.")]
pub struct Args {
    /// Entities [default: all]
    #[arg(value_name = "ENTITY")]
    pub entities: Vec<String>,
    /// Only this check; repeatable
    #[arg(long, value_name = "CHECK")]
    pub only: Vec<String>,
    /// Set a parameter of a check; repeatable
    #[arg(long, value_name = "CHECK.PARAMETER=VALUE")]
    pub set: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// `Usage` for an unknown entity, check or parameter; see [`crate::pg`].
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let extend = settings.extend.as_deref();
    let catalog = Catalog::load(extend)?;
    let checks = Checks::load(extend, &catalog)?.only(&args.only)?.set(&args.set)?;
    let names: Vec<String> = catalog.select(&args.entities)?.into_iter().map(|e| e.name.clone()).collect();
    let warehouse = warehouse::open(settings, catalog, ("check", 1), Access::Reads).await?;
    let entities = warehouse.catalog.select(&names)?;
    let (mut findings, mut failures, mut never_loaded) = (Vec::new(), Vec::new(), Vec::new());
    for entity in &entities {
        if !has_data(&warehouse, entity).await? {
            never_loaded.push(entity.name.clone());
        }
        for name in checks.all().iter().map(|check| check.name.clone()) {
            match check(&warehouse, &checks.clone().only(&[name])?, entity).await {
                Ok(found) => findings.extend(found),
                // A check that cannot run says nothing about the others.
                Err(error) => failures.push((entity.name.clone(), error)),
            }
        }
    }
    findings.sort_by(|a: &Finding, b| (&a.check, &a.on).cmp(&(&b.check, &b.on)));
    let failed = findings.iter().filter(|f| f.is_failure()).count();
    let warned = findings.iter().filter(|f| f.rows > 0).count() - failed;
    let is_empty = |finding: &Finding| {
        let is_of = |entity: &&&Entity| {
            entity.name == finding.on || entity.models.iter().any(|model| model.table == finding.on)
        };
        finding.rows == 0 && entities.iter().find(is_of).is_some_and(|entity| never_loaded.contains(&entity.name))
    };
    let nothing = (never_loaded.len() == entities.len() && !entities.is_empty()).then(|| {
        Error::new(Kind::CheckFailed, "nothing was ever loaded: there is nothing to check")
            .hint("evo load all; or name the right database: `evo status` shows which one this is")
    });
    let errors: Vec<Value> =
        failures.iter().map(|(entity, e)| json!({ "entity": entity, "error": e.to_string() })).collect();
    let json = json!({
        "checks": findings.iter().map(finding_json).collect::<Vec<_>>(), "failed": failed, "warned": warned,
        "errors": errors, "never_loaded": never_loaded,
    });
    let failure = failures::combined(failures).or_else(|| checks::failure(&findings)).or(nothing);
    let empty: Vec<bool> = findings.iter().map(is_empty).collect();
    let mut text = text(&findings, &empty, (failed, warned));
    for entity in &never_loaded {
        text += &format!("\n{entity} was never loaded: evo load {entity}");
    }
    Ok(Outcome::new(text, json).failed_with(failure))
}

/// Whether anything of an entity was ever loaded.
async fn has_data(warehouse: &Warehouse, entity: &Entity) -> Result<bool> {
    let connection = warehouse.pool.get().await?;
    let sql = "select exists (select from evo.batches where entity = $1 and state = 'committed')";
    Ok(connection.query_one(sql, &[&entity.name]).await?.get(0))
}

async fn check(warehouse: &Warehouse, checks: &Checks, entity: &Entity) -> Result<Vec<Finding>> {
    let mut connection = warehouse.pool.get().await?;
    let layout = Layout::read(&mut connection, entity).await?;
    let tx = connection.begin().await?;
    // Each check is one statement and so sees one state. A snapshot for all of them would see a generation
    // that is swapped in meanwhile as half empty.
    tx.batch("set transaction read only").await?;
    let found = checks::run(&tx, checks, (entity, layout), When::Check, &Scope::Serving).await?;
    tx.rollback().await?;
    Ok(found)
}

/// `empty` says of each finding whether there was nothing to check.
fn text(findings: &[Finding], empty: &[bool], (failed, warned): (usize, usize)) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let rows = findings.iter().zip(empty).map(|(f, is_empty)| {
        let more = if f.rows > f.keys.len() as u64 { ", …" } else { "" };
        let word = match (f.rows, f.severity) {
            (0, _) if *is_empty => "no data",
            (0, _) => "ok",
            (_, Severity::Warn) => "warn",
            (_, Severity::Fail) => "FAIL",
        };
        let keys = format!("{}{more}", f.keys.join(", "));
        vec![f.check.clone(), f.on.clone(), word.to_owned(), units::count(f.rows), keys]
    });
    let mut text = table(&["check", "on", "result", ">rows", "keys"], rows);
    let mut hints: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|f| f.rows > 0) {
        let hint = finding.hint.as_ref().map(|hint| format!("\n{}: {hint}", finding.check));
        hints.extend(hint.filter(|hint| !hints.contains(hint)));
    }
    text += &hints.concat();
    let without = empty.iter().filter(|is_empty| **is_empty).count();
    let ok = findings.len() - failed - warned - without;
    text += &format!("\n{ok} ok, {}, {failed} failed", units::counted(warned as u64, "warning", "warnings"));
    text + &if without > 0 { format!(", {without} without data") } else { String::new() }
}

/// A finding as JSON.
pub(super) fn finding_json(f: &Finding) -> Value {
    json!({
        "check": f.check, "on": f.on, "severity": if f.severity == Severity::Fail { "fail" } else { "warn" },
        "rows": f.rows, "keys": f.keys, "hint": f.hint, "elapsed_ms": f.elapsed.as_millis() as u64,
    })
}
