//! Batches, tables and indexes that interrupted jobs left.

use super::finding::{DoctorFinding, Gravity};
use super::subject::SCHEMAS;
use crate::citus::Parts;
use crate::counted::counted;
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::Connection;

/// A batch with this many attempts is failing.
const FAILING: i32 = 10;

/// Batches, generations and indexes that nobody works on.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn examine(connection: &Connection, entities: &[Entity]) -> Result<Vec<DoctorFinding>> {
    let mut found = batches(connection).await?;
    found.extend(generations(connection, entities).await?);
    found.extend(indexes(connection).await?);
    Ok(found)
}

async fn batches(connection: &Connection) -> Result<Vec<DoctorFinding>> {
    let mut found = Vec::new();
    for row in connection.query(sql_file!("doctor/batches.sql"), &[&FAILING]).await? {
        let (entity, orphans, hours, failing): (String, i64, i64, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        if orphans > 0 {
            let batches = counted(
                orphans.unsigned_abs(),
                "batch is claimed by an execution",
                "batches are claimed by executions",
            );
            let hours = counted(hours.unsigned_abs(), "hour", "hours");
            let what = format!("{entity}: {batches} that ended {hours} ago without finishing");
            let why = "nothing is lost; its objects wait for the next load, which takes them over";
            let finding = DoctorFinding::new(Gravity::Advice, "leftovers.batches", what, why);
            found.push(finding.shell(format!("evo load {entity}")));
        }
        if failing > 0 {
            let batches = counted(failing.unsigned_abs(), "batch has", "batches have");
            let what = format!("{entity}: {batches} failed {FAILING} times or more");
            let why = "newer runs of the entity wait behind it; the log of a load names the objects and the reason";
            let finding = DoctorFinding::new(Gravity::Breaks, "leftovers.failing", what, why);
            found.push(finding.shell(format!("evo load {entity} --workers 1 --batch-size 1 -v")));
        }
    }
    Ok(found)
}

async fn generations(connection: &Connection, entities: &[Entity]) -> Result<Vec<DoctorFinding>> {
    let names: Vec<String> = entities.iter().map(|entity| entity.name.clone()).collect();
    let rows = connection.query(sql_file!("doctor/generations.sql"), &[&names]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let here: i64 = rows.iter().map(|row| row.get::<_, i64>(1)).sum();
    let parts = Parts::read(connection, &rows.iter().map(|row| row.get(0)).collect::<Vec<_>>()).await?;
    let there = parts.ask(connection, sql_file!("storage/size.sql"), 1).await?;
    let bytes = here.unsigned_abs() + there.iter().map(|row| row.size(0)).sum::<u64>();
    let tables = counted(rows.len() as u64, "table is left", "tables are left");
    let what = format!("{tables} from interrupted full refreshes, {:.1} MB", bytes as f64 / 1e6);
    let why = "they only take space; the entity's next full refresh drops them, and readers never see them";
    let mut finding = DoctorFinding::new(Gravity::Note, "leftovers.generations", what, why);
    for row in &rows {
        finding = finding.decision(format!("drop table {};", row.get::<_, String>(0)));
    }
    Ok(vec![finding])
}

async fn indexes(connection: &Connection) -> Result<Vec<DoctorFinding>> {
    let schemas: Vec<String> = SCHEMAS.map(str::to_owned).to_vec();
    let rows = connection.query(sql_file!("doctor/invalid_indexes.sql"), &[&schemas]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let what = format!("{}: {}", counted(names.len() as u64, "INVALID index", "INVALID indexes"), names.join(", "));
    let why = "it serves no reader and costs every writer";
    let finding = DoctorFinding::new(Gravity::Advice, "leftovers.indexes", what, why);
    Ok(vec![finding.shell("evo optimize-storage --reindex --min-bloat 100%")])
}
