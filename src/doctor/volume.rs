//! How large the warehouse is, and what follows for the server, its disk and autovacuum.

use std::path::Path;

use super::finding::{DoctorFinding, Gravity};
use super::host::Host;
use super::subject::Subject;
use crate::config::dsn::Server;
use crate::counted::{count, counted};
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::{Connection, Row};

/// Rows from which a table is large for autovacuum: by default it waits for a fifth of them to die.
const LARGE_ROWS: i64 = 5_000_000;
/// Tables that a finding names.
const NAMED: usize = 20;
/// Documents in staging up to which a machine with this many cores is enough for a nightly full refresh.
const TIERS: [(i64, u32); 3] = [(20_000_000, 2), (60_000_000, 4), (200_000_000, 8)];
/// A disk with less than this is about to be full.
const LEAST_FREE: u64 = 512 << 20;

/// Sizes against autovacuum, the disk and the machine.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn examine(connection: &Connection, subject: &Subject<'_>, host: &Host) -> Result<Vec<DoctorFinding>> {
    let staging = subject.entities.iter().map(|entity| entity.staging.table.clone());
    let core = subject.entities.iter().flat_map(|entity| entity.models.iter().map(|model| model.table.clone()));
    let tables: Vec<String> = staging.chain(core).collect();
    let rows = connection.query(sql_file!("doctor/tables.sql"), &[&tables]).await?;
    let mut found = Vec::new();
    found.extend(autovacuum(&rows));
    found.extend(tier(&rows, subject, host));
    found.extend(disk(connection, subject, &rows).await?);
    Ok(found)
}

fn autovacuum(rows: &[Row]) -> Option<DoctorFinding> {
    let large: Vec<String> = rows
        .iter()
        .filter(|row| row.get::<_, i64>(2) >= LARGE_ROWS && !row.get::<_, bool>(4))
        .map(|row| row.get(1))
        .collect();
    let first = large.first()?;
    let (tables, rows) = (counted(large.len() as u64, "table", "tables"), count(LARGE_ROWS.unsigned_abs()));
    let what = format!("{tables} of {rows} rows and more are vacuumed only when a fifth is dead, {first} for one");
    let why = "changed rows make it slower and larger for weeks before autovacuum comes";
    let finding = DoctorFinding::new(Gravity::Advice, "tables.autovacuum", what, why);
    let line = |name: &String| {
        format!(
            "alter table {name} set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);"
        )
    };
    Some(large.iter().take(NAMED).fold(finding, |finding, name| finding.sql(line(name))))
}

/// The documents of staging against the cores that a server needs for them.
fn tier(rows: &[Row], subject: &Subject<'_>, host: &Host) -> Option<DoctorFinding> {
    let is_staging = |parent: &str| subject.entities.iter().any(|entity| entity.staging.table == parent);
    let staged = rows.iter().filter(|row| is_staging(row.get(0)));
    let documents: i64 = staged.map(|row| row.get::<_, i64>(2)).sum();
    if documents <= TIERS[0].0 {
        return None;
    }
    let cores = TIERS.iter().find(|(most, _)| documents <= *most).map_or(16, |(_, cores)| *cores);
    let what = format!("staging holds about {} documents", count(documents.unsigned_abs()));
    let why =
        format!("a full refresh of all of them within a night takes a server with {cores} cores, and as many workers");
    let finding = DoctorFinding::new(Gravity::Note, "tables.tier", what, why);
    Some(match host {
        Host::Azure(server) => finding.shell(format!(
            "az postgres flexible-server update -g GROUP -n {server} \\\n  \
             --tier GeneralPurpose --sku-name Standard_D{cores}ds_v5"
        )),
        Host::Own => finding.words("docs/performance.md has the figures"),
    })
}

/// The server's disk, where it is this machine's.
async fn disk(connection: &Connection, subject: &Subject<'_>, rows: &[Row]) -> Result<Option<DoctorFinding>> {
    let is_here = subject.dsn.servers.iter().all(Server::is_local);
    let asked = connection.query("select setting from pg_settings where name = 'data_directory'", &[]).await?;
    let Some(folder) = asked.first().and_then(|row| row.get::<_, Option<String>>(0)).filter(|_| is_here) else {
        return Ok(None);
    };
    let Ok(found) = nix::sys::statvfs::statvfs(Path::new(&folder)) else { return Ok(None) };
    let free = found.fragment_size().saturating_mul(found.blocks_available());
    let of_core = |entity: &Entity| -> u64 {
        let is_of = |row: &&Row| entity.models.iter().any(|model| model.table == row.get::<_, String>(0));
        rows.iter().filter(is_of).map(|row| row.get::<_, i64>(3).unsigned_abs()).sum()
    };
    let needed = subject.entities.iter().map(of_core).max().unwrap_or_default();
    let gb = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    Ok(match free {
        _ if free < LEAST_FREE => {
            let what = format!("the server's disk has {} left", gb(free));
            let why = "a full disk ends every job with exit code 8, and may stop the server";
            let finding = DoctorFinding::new(Gravity::Breaks, "disk.full", what, why);
            Some(finding.words(format!("free some space on the disk of {folder}")))
        }
        _ if free < needed => {
            let what =
                format!("the server's disk has {} left; the largest entity's core takes {}", gb(free), gb(needed));
            let why = "a full refresh builds a second one beside it";
            let finding = DoctorFinding::new(Gravity::Advice, "disk.refresh", what, why);
            Some(finding.words("add storage, or use `evo transform ENTITY --in-place`"))
        }
        _ => None,
    })
}
