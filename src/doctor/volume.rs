//! How large the warehouse is, and what follows for the server, its disk and autovacuum.

use std::path::Path;

use super::finding::{DoctorFinding, Gravity};
use super::host::Host;
use super::subject::Subject;
use crate::citus::Parts;
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
    let rows = leaves(connection, &tables).await?;
    let mut found = Vec::new();
    found.extend(autovacuum(&rows));
    found.extend(tier(&rows, subject, host));
    found.extend(disk(connection, subject, &rows).await?);
    Ok(found)
}

/// A leaf of a staging or core table.
struct LeafVolume {
    /// The table that it belongs to.
    table: String,
    /// Qualified, and quoted where necessary.
    name: String,
    rows: i64,
    /// Rows of its largest shard, or its own.
    rows_together: i64,
    /// Bytes on this server.
    bytes: u64,
    says_when: bool,
}

async fn leaves(connection: &Connection, tables: &Vec<String>) -> Result<Vec<LeafVolume>> {
    let leaf = |row: &Row| LeafVolume {
        table: row.get(0),
        name: row.get(1),
        rows: row.get(2),
        rows_together: row.get(2),
        bytes: row.get::<_, i64>(3).unsigned_abs(),
        says_when: row.get(4),
    };
    let rows = connection.query(sql_file!("doctor/tables.sql"), &[tables]).await?;
    let mut leaves: Vec<LeafVolume> = rows.iter().map(leaf).collect();
    let names: Vec<String> = leaves.iter().map(|leaf| leaf.name.clone()).collect();
    let parts = Parts::read(connection, &names).await?;
    for row in parts.ask(connection, sql_file!("doctor/tables.sql"), 5).await? {
        let whole = parts.whole(row.name(0));
        if let Some(leaf) = leaves.iter_mut().find(|leaf| Some(leaf.name.as_str()) == whole) {
            let rows = row.number(2).unwrap_or_default();
            leaf.rows += rows;
            leaf.rows_together = leaf.rows_together.max(rows);
        }
    }
    Ok(leaves)
}

fn autovacuum(rows: &[LeafVolume]) -> Option<DoctorFinding> {
    let large: Vec<String> = rows
        .iter()
        .filter(|leaf| leaf.rows_together >= LARGE_ROWS && !leaf.says_when)
        .map(|leaf| leaf.name.clone())
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
fn tier(rows: &[LeafVolume], subject: &Subject<'_>, host: &Host) -> Option<DoctorFinding> {
    let is_staging = |parent: &str| subject.entities.iter().any(|entity| entity.staging.table == parent);
    let staged = rows.iter().filter(|leaf| is_staging(&leaf.table));
    let documents: i64 = staged.map(|leaf| leaf.rows).sum();
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
async fn disk(connection: &Connection, subject: &Subject<'_>, rows: &[LeafVolume]) -> Result<Option<DoctorFinding>> {
    let is_here = subject.dsn.servers.iter().all(Server::is_local);
    let asked = connection.query("select setting from pg_settings where name = 'data_directory'", &[]).await?;
    let Some(folder) = asked.first().and_then(|row| row.get::<_, Option<String>>(0)).filter(|_| is_here) else {
        return Ok(None);
    };
    let Ok(found) = nix::sys::statvfs::statvfs(Path::new(&folder)) else { return Ok(None) };
    let free = found.fragment_size().saturating_mul(found.blocks_available());
    let of_core = |entity: &Entity| -> u64 {
        let is_of = |leaf: &&LeafVolume| entity.models.iter().any(|model| model.table == leaf.table);
        rows.iter().filter(is_of).map(|leaf| leaf.bytes).sum()
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
