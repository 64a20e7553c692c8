//! `evo check`: what must hold in the warehouse, checked on the generation that serves.

use serde_json::{Value, json};

use super::failures;
use super::warehouse::{self, Access, Warehouse};
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::Result;
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

Exit code 6 if a check of severity fail returns rows. Your own checks: docs/checks.md.")]
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
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    for entity in entities {
        for name in checks.all().iter().map(|check| check.name.clone()) {
            match check(&warehouse, &checks.clone().only(&[name])?, entity).await {
                Ok(found) => findings.extend(found),
                // A check that cannot run says nothing about the others.
                Err(error) => failures.push((entity.name.clone(), error)),
            }
        }
    }
    findings.sort_by(|a, b| (&a.check, &a.on).cmp(&(&b.check, &b.on)));
    let failed = findings.iter().filter(|f| f.is_failure()).count();
    let warned = findings.iter().filter(|f| f.rows > 0).count() - failed;
    let errors: Vec<Value> =
        failures.iter().map(|(entity, e)| json!({ "entity": entity, "error": e.to_string() })).collect();
    let json = json!({
        "checks": findings.iter().map(finding_json).collect::<Vec<_>>(), "failed": failed, "warned": warned,
        "errors": errors,
    });
    let failure = failures::combined(failures).or_else(|| checks::failure(&findings));
    Ok(Outcome::new(text(&findings, failed, warned), json).failed_with(failure))
}

async fn check(warehouse: &Warehouse, checks: &Checks, entity: &Entity) -> Result<Vec<Finding>> {
    let mut connection = warehouse.pool.get().await?;
    let tx = connection.begin().await?;
    // Each check is one statement and so sees one state. A snapshot for all of them would see a generation
    // that is swapped in meanwhile as half empty.
    tx.batch("set transaction read only").await?;
    let found = checks::run(&tx, checks, entity, When::Check, &Scope::Serving).await?;
    tx.rollback().await?;
    Ok(found)
}

fn text(findings: &[Finding], failed: usize, warned: usize) -> String {
    let rows = findings.iter().map(|f| {
        let more = if f.rows > f.keys.len() as u64 { ", …" } else { "" };
        let word = match (f.rows, f.severity) {
            (0, _) => "ok",
            (_, Severity::Warn) => "warn",
            (_, Severity::Fail) => "FAIL",
        };
        let keys = format!("{}{more}", f.keys.join(", "));
        vec![f.check.clone(), f.on.clone(), word.to_owned(), units::count(f.rows), keys]
    });
    let mut text = table(&["check", "on", "result", ">rows", "keys"], rows);
    let mut hinted: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|f| f.rows > 0 && f.hint.is_some()) {
        if !hinted.contains(&finding.check.as_str()) {
            hinted.push(&finding.check);
            text += &format!("\n{}: {}", finding.check, finding.hint.as_deref().unwrap_or_default());
        }
    }
    let ok = findings.len() - failed - warned;
    text + &format!("\n{ok} ok, {}, {failed} failed", units::counted(warned as u64, "warning", "warnings"))
}

/// A finding as JSON.
pub(super) fn finding_json(f: &Finding) -> Value {
    json!({
        "check": f.check, "on": f.on, "severity": if f.severity == Severity::Fail { "fail" } else { "warn" },
        "rows": f.rows, "keys": f.keys, "hint": f.hint, "elapsed_ms": f.elapsed.as_millis() as u64,
    })
}
