//! The server: its version, its role, its clock, and how far it is from a forced stop.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::finding::{DoctorFinding, Fix, Gravity};
use super::host::Host;
use crate::config::dsn::Dsn;
use crate::counted::count;
use crate::error::Result;
use crate::pg::Connection;

/// The major versions that evo is tested with.
const MAJORS: std::ops::RangeInclusive<i32> = 14..=18;
/// A clock that differs by more than this is reported.
const CLOCK: Duration = Duration::from_secs(5);
/// A round trip that takes longer than this is reported.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// Ages of transaction ids: autovacuum should have been there at 200 million, the server stops at 2 billion.
const OLD: i64 = 1_000_000_000;
const VERY_OLD: i64 = 1_800_000_000;
/// A standby that is behind by more seconds is reported.
const BEHIND: f64 = 300.0;

/// Facts about the server, the database and the role.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// 150018 for 15.18.
    pub version_number: i32,
    /// As the server writes it.
    pub version: String,
    /// Whether it is in recovery.
    pub is_standby: bool,
    /// The role, as SQL writes it.
    pub role: String,
    /// The database, as SQL writes it.
    pub database: String,
    /// Whether the session is encrypted, as far as the server says.
    pub is_encrypted: Option<bool>,
    /// The version of TLS.
    pub tls: Option<String>,
    /// Size of the database; of a cluster on all servers.
    pub bytes: u64,
    /// Whether the database has Citus.
    pub has_citus: bool,
    /// Whether it is Azure's.
    pub is_azure: bool,
    /// Whether the role is a superuser.
    pub is_superuser: bool,
    oldest_transaction: i64,
    oldest_multixact: i64,
    is_read_only: bool,
    seconds_behind: Option<f64>,
    sees_sessions: bool,
    password_days: Option<i32>,
    replication_role: String,
    /// How far this machine's clock is from the server's, and which one is ahead.
    clock: (Duration, bool),
    round_trip: Duration,
}

/// Asks the server.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn read(connection: &Connection) -> Result<ServerFacts> {
    let mut round_trip = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        connection.batch("select").await?;
        round_trip = round_trip.min(began.elapsed());
    }
    let sent = SystemTime::now();
    let row = connection.query_one(sql_file!("doctor/server.sql"), &[]).await?;
    let received = SystemTime::now();
    let theirs = UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(10).unsigned_abs());
    let clock = match (theirs.duration_since(received), sent.duration_since(theirs)) {
        (Ok(ahead), _) => (ahead, false),
        (_, Ok(behind)) => (behind, true),
        _ => (Duration::ZERO, false),
    };
    Ok(ServerFacts {
        version_number: row.get(0),
        version: row.get(1),
        is_standby: row.get(2),
        role: row.get(3),
        database: row.get(4),
        is_encrypted: row.get(5),
        tls: row.get(6),
        bytes: row.get::<_, i64>(7).unsigned_abs(),
        oldest_transaction: row.get(8),
        oldest_multixact: row.get(9),
        is_azure: row.get(11),
        is_read_only: row.get(12),
        seconds_behind: row.get(13),
        is_superuser: row.get(14),
        sees_sessions: row.get(15),
        password_days: row.get(16),
        replication_role: row.get(17),
        has_citus: row.get(18),
        clock,
        round_trip,
    })
}

/// The findings that follow from these facts.
pub(super) fn findings(facts: &ServerFacts, dsn: &Dsn, host: &Host) -> Vec<DoctorFinding> {
    let all = [
        version(facts),
        standby(facts, dsn),
        read_only(facts, host),
        triggers(facts),
        wraparound(facts),
        clock(facts),
        round_trip(facts),
        password(facts),
        sessions(facts),
    ];
    all.into_iter().flatten().collect()
}

fn version(facts: &ServerFacts) -> Option<DoctorFinding> {
    let major = facts.version_number / 10_000;
    let gravity = match major {
        _ if MAJORS.contains(&major) => return None,
        _ if major < *MAJORS.start() => Gravity::Breaks,
        _ => Gravity::Note,
    };
    let what = format!("the server is PostgreSQL {}", facts.version);
    let why = format!("evo is tested with PostgreSQL {} to {}", MAJORS.start(), MAJORS.end());
    Some(DoctorFinding::new(gravity, "server.version", what, why))
}

fn standby(facts: &ServerFacts, dsn: &Dsn) -> Option<DoctorFinding> {
    if !facts.is_standby {
        return None;
    }
    let behind = facts.seconds_behind.filter(|seconds| *seconds > BEHIND);
    let behind = behind.map_or(String::new(), |seconds| format!(", {seconds:.0} s behind its primary"));
    let what = format!("{} is a standby{behind}", dsn.shown_servers());
    let why = "commands that read work here; jobs that write end with exit code 5";
    let finding = DoctorFinding::new(Gravity::Breaks, "server.standby", what, why);
    Some(finding.words("name the primary in --database-url, or all servers, separated by commas"))
}

fn read_only(facts: &ServerFacts, host: &Host) -> Option<DoctorFinding> {
    if facts.is_standby || !facts.is_read_only {
        return None;
    }
    let why = "jobs that write end with exit code 8; Azure does this when 95 % of the storage is used, or less than \
               5 GiB is free";
    let finding = DoctorFinding::new(Gravity::Breaks, "server.read_only", "the server is read-only", why);
    Some(match host {
        Host::Azure(server) => {
            finding.shell(format!("az postgres flexible-server update -g GROUP -n {server} --storage-size GIB"))
        }
        Host::Own => finding.sql("alter system reset default_transaction_read_only; select pg_reload_conf();"),
    })
}

fn triggers(facts: &ServerFacts) -> Option<DoctorFinding> {
    let role = &facts.role;
    (facts.replication_role != "origin" && !facts.is_superuser).then(|| {
        let what = format!("session_replication_role is {} for {role}", facts.replication_role);
        let why = "foreign keys and triggers would not run, so every job refuses to begin";
        DoctorFinding::new(Gravity::Breaks, "role.replication_role", what, why)
            .sql(format!("alter role {role} reset session_replication_role;"))
            .words("a superuser has to run it; if the database sets it: alter database …")
    })
}

fn wraparound(facts: &ServerFacts) -> Option<DoctorFinding> {
    let age = facts.oldest_transaction.max(facts.oldest_multixact);
    let gravity = match age {
        ..OLD => return None,
        OLD..VERY_OLD => Gravity::Advice,
        _ => Gravity::Breaks,
    };
    let what = format!("the oldest transaction id in use is {} transactions old", count(age.unsigned_abs()));
    let why = "at 2,000 million the server takes no more writes until it is vacuumed; something holds autovacuum up, \
               such as an old transaction, a prepared transaction or a replication slot";
    let finding = DoctorFinding::new(gravity, "server.wraparound", what, why);
    Some(finding.shell("vacuumdb --all --freeze --jobs 2").shell("evo optimize-storage --vacuum"))
}

fn clock(facts: &ServerFacts) -> Option<DoctorFinding> {
    let (skew, is_ours_ahead) = facts.clock;
    (skew > CLOCK).then(|| {
        let word = if is_ours_ahead { "ahead of" } else { "behind" };
        let what = format!("this machine's clock is {} s {word} the server's", skew.as_secs());
        let why = "signatures and tokens for the lake are refused from 15 minutes on; evo's own times are the server's";
        DoctorFinding::new(Gravity::Advice, "server.clock", what, why).shell("timedatectl set-ntp true")
    })
}

fn round_trip(facts: &ServerFacts) -> Option<DoctorFinding> {
    (facts.round_trip > ROUND_TRIP).then(|| {
        let what = format!("a round trip to the server takes {} ms", facts.round_trip.as_millis());
        let why = "batches and chunks need several each; run evo in the server's region";
        DoctorFinding::new(Gravity::Note, "server.round_trip", what, why)
    })
}

fn password(facts: &ServerFacts) -> Option<DoctorFinding> {
    let (days, role) = (facts.password_days.filter(|days| *days <= 14)?, &facts.role);
    let what = format!("the password of {role} expires in {days} days");
    let finding = DoctorFinding::new(Gravity::Advice, "role.password", what, "then nothing connects any more");
    Some(finding.sql(format!("alter role {role} valid until 'infinity';")))
}

fn sessions(facts: &ServerFacts) -> Option<DoctorFinding> {
    (!facts.sees_sessions).then(|| {
        let what = format!("{} does not see what other roles' sessions do", facts.role);
        let why = "a job that waits cannot always say for whom, and a full refresh may wait for a reader longer than \
                   necessary";
        DoctorFinding::new(Gravity::Note, "role.sees_sessions", what, why)
            .fixed_by([Fix::Sql(format!("grant pg_read_all_stats to {};", facts.role))])
    })
}
