//! Settings of the server against the work that evo gives it.

use super::finding::{DoctorFinding, Fix, Gravity};
use super::host::Host;
use super::server::ServerFacts;
use crate::error::Result;
use crate::pg::{Connection, Row};

const KB: f64 = 1024.0;
const MB: f64 = 1024.0 * KB;
const GB: f64 = 1024.0 * MB;

/// When a setting should be another one.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Below this many bytes.
    Below(f64),
    /// Above this number.
    Above(f64),
    /// This word.
    Is(&'static str),
    /// This word, where the server knows a better one.
    IsWithout(&'static str, &'static str),
}

/// Where the setting is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// For evo's role in this database: no superuser and no restart is needed, and nobody else is concerned.
    Role,
    /// For the whole server.
    Server,
    /// For the whole server, at its next start.
    Start,
}

/// A better value.
#[derive(Debug, Clone, Copy)]
enum Better {
    /// Megabytes, and the bytes of the unit in which Azure takes the setting.
    Memory(u64, u64),
    /// A word or a number.
    Word(&'static str),
}

impl Better {
    fn sql(self) -> String {
        match self {
            Better::Memory(mb, _) if mb.is_multiple_of(1024) => format!("{}GB", mb / 1024),
            Better::Memory(mb, _) => format!("{mb}MB"),
            Better::Word(word) => word.to_owned(),
        }
    }

    fn azure(self) -> String {
        match self {
            Better::Memory(mb, unit) => ((mb << 20) / unit).to_string(),
            Better::Word(word) => word.to_owned(),
        }
    }
}

/// One setting: its name, when it is wrong, where it is changed, its better value, and why.
type Wish = (&'static str, When, Where, Better, &'static str);

const WISHES: [Wish; 12] = [
    (
        "work_mem",
        When::Below(16.0 * MB),
        Where::Role,
        Better::Memory(32, 1024),
        "sorts and hashes of a batch or chunk are written to disk instead",
    ),
    (
        "maintenance_work_mem",
        When::Below(128.0 * MB),
        Where::Role,
        Better::Memory(256, 1024),
        "a full refresh builds its indexes with it, and VACUUM reads them less often",
    ),
    (
        "max_wal_size",
        When::Below(2.0 * GB),
        Where::Server,
        Better::Memory(4096, 1 << 20),
        "a load alone forces checkpoints, and each of them makes more WAL of every page",
    ),
    (
        "shared_buffers",
        When::Below(128.0 * MB),
        Where::Start,
        Better::Memory(1024, 8192),
        "indexes of staging do not stay in memory; a quarter of the machine's memory is usual",
    ),
    (
        "random_page_cost",
        When::Above(2.0),
        Where::Role,
        Better::Word("1.1"),
        "on solid-state disks; at 4 the planner reads whole tables where an index is faster",
    ),
    (
        "default_toast_compression",
        When::IsWithout("pglz", "lz4"),
        Where::Role,
        Better::Word("lz4"),
        "new documents are compressed with lz4, which loads up to a fifth faster",
    ),
    (
        "wal_compression",
        When::IsWithout("off", "lz4"),
        Where::Server,
        Better::Word("lz4"),
        "a load writes half the WAL for nearly no CPU",
    ),
    (
        "autovacuum",
        When::Is("off"),
        Where::Server,
        Better::Word("on"),
        "dead rows stay for ever: every load is slower than the one before, until the server stops",
    ),
    ("track_counts", When::Is("off"), Where::Server, Better::Word("on"), "autovacuum does nothing without it"),
    ("track_activities", When::Is("off"), Where::Server, Better::Word("on"), "a job that waits cannot say for whom"),
    (
        "fsync",
        When::Is("off"),
        Where::Server,
        Better::Word("on"),
        "a crash of the machine may destroy the database, with everything that was loaded",
    ),
    (
        "full_page_writes",
        When::Is("off"),
        Where::Server,
        Better::Word("on"),
        "a crash of the machine may destroy pages that were being written",
    ),
];

/// Compares the settings with what the jobs need.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn examine(connection: &Connection, facts: &ServerFacts, host: &Host) -> Result<Vec<DoctorFinding>> {
    let names: Vec<String> =
        WISHES.iter().map(|wish| wish.0.to_owned()).chain(["temp_file_limit".to_owned()]).collect();
    let rows = connection.query(sql_file!("doctor/settings.sql"), &[&names]).await?;
    let row = |name: &str| rows.iter().find(|row| row.get::<_, String>(0) == name);
    let mut found: Vec<DoctorFinding> =
        WISHES.iter().filter_map(|wish| finding(wish, row(wish.0)?, facts, host)).collect();
    if let Some(limit) = row("temp_file_limit").filter(|row| number(row).is_some_and(|bytes| bytes >= 0.0)) {
        let what = format!("temp_file_limit is {}", limit.get::<_, String>(1));
        let why = "a chunk or an index build whose sort needs more ends with exit code 5";
        let finding = DoctorFinding::new(Gravity::Note, "settings.temp_file_limit", what, why);
        found.push(finding.sql(format!("alter role {} set temp_file_limit = -1;", facts.role)));
    }
    Ok(found)
}

fn number(row: &Row) -> Option<f64> {
    row.get(2)
}

fn finding(wish: &Wish, row: &Row, facts: &ServerFacts, host: &Host) -> Option<DoctorFinding> {
    let (name, when, at, better, why) = *wish;
    let shown: String = row.get(1);
    let knows = |word: &str| row.get::<_, Option<Vec<String>>>(3).is_some_and(|all| all.iter().any(|w| w == word));
    let is_wrong = match when {
        When::Below(least) => number(row).is_some_and(|number| number < least),
        When::Above(most) => number(row).is_some_and(|number| number > most),
        When::Is(word) => shown == word,
        When::IsWithout(word, better) => shown == word && knows(better),
    };
    if !is_wrong {
        return None;
    }
    let finding = DoctorFinding::new(Gravity::Advice, format!("settings.{name}"), format!("{name} is {shown}"), why);
    let (role, database) = (&facts.role, &facts.database);
    let (value, azure_value) = (better.sql(), better.azure());
    Some(match at {
        Where::Role => {
            finding.fixed_by([Fix::Sql(format!("alter role {role} in database {database} set {name} = '{value}';"))])
        }
        Where::Server => finding.fixed_by([host.set(name, &value, &azure_value)]),
        Where::Start => finding.fixed_by(host.set_and_restart(name, &value, &azure_value)),
    })
}
