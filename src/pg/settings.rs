//! What evo relies on in a session, whatever the server, the database or the role was set to: `sql/pg/session.sql`.
//!
//! It is told to the server twice. Every transaction begins with it ([`prologue`]), because behind a pooler each one may
//! run in another session. And it goes along when a session is opened ([`startup`]), for statements that cannot stand in a
//! transaction. A pooler refuses that part; then its sessions keep the role's settings outside of transactions.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::error::classify;
use crate::error::Error;

const TEXT: &str = sql_file!("pg/session.sql");
/// Answers to an opening with parameters that are not taken: a protocol violation for PgBouncer, a feature that is not
/// supported for other poolers, a parameter or value that the server does not know.
const REFUSALS: [&str; 4] = ["08P01", "0A000", "42704", "22023"];

/// One line of the file.
struct Setting {
    name: &'static str,
    /// As SQL writes it.
    value: &'static str,
    in_transactions: bool,
    at_opening: bool,
    /// The first major version that knows it.
    since: u32,
}

/// What a session was found to be set to, of what not everybody may set or not everybody should.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The role or its database lets transactions be read-only by default. That is a default, and evo says what it wants.
    /// A server that is read-only as a whole was made so: by its platform, before its disk is full.
    pub(super) reads_by_default: bool,
    /// Triggers and foreign keys do not work in this session. Only a superuser may set this.
    pub(super) is_replica: bool,
    /// A commit is answered before it is on disk. What evo reports as loaded must outlive a crash.
    pub(super) commits_early: bool,
}

fn settings() -> impl Iterator<Item = Setting> {
    TEXT.lines().filter(|line| line.starts_with("set ")).filter_map(|line| {
        let (statement, note) = line.split_once(';')?;
        let statement = statement.strip_prefix("set ")?;
        let local = statement.strip_prefix("local ");
        let (name, value) = local.unwrap_or(statement).split_once(" = ")?;
        let since = note.split_once("since ").and_then(|(_, major)| major.trim().parse().ok()).unwrap_or(0);
        let at_opening = !note.contains("transactions only");
        Some(Setting { name, value, in_transactions: local.is_some(), at_opening, since })
    })
}

/// The text that begins a transaction on a server of this major version.
pub(super) fn prologue(major: u32, found: &Found) -> String {
    let writes = if found.reads_by_default { ", read write" } else { "" };
    let mut text = format!("begin isolation level read committed{writes}, not deferrable");
    for Setting { name, value, .. } in settings().filter(|s| s.in_transactions && s.since <= major) {
        text.push_str(&format!("; set local {name} = {value}"));
    }
    if found.commits_early {
        text.push_str("; set local synchronous_commit = on");
    }
    if found.is_replica {
        text.push_str("; set local session_replication_role = origin");
    }
    text
}

/// The same for the opening of a session, as the startup parameter `options`. What only later versions know is left out
/// while the version is not known.
pub(super) fn startup(major: Option<u32>) -> String {
    let wanted = settings().filter(|s| s.at_opening && s.since <= major.unwrap_or(0));
    let escaped = |value: &str| value.trim_matches('\'').replace('\\', r"\\").replace(' ', r"\ ");
    wanted.map(|s| format!("-c {}={}", s.name, escaped(s.value))).collect::<Vec<_>>().join(" ")
}

/// `15.8 (Debian 15.8-1)` → 15; 0 for what is not understood.
pub(super) fn major(version: Option<&str>) -> u32 {
    let digits = version.unwrap_or_default().split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Whether an opening failed because of the settings that came with it.
pub(super) fn are_refused(error: &Error) -> bool {
    error.sqlstate().is_some_and(|code| REFUSALS.contains(&code))
}

/// What is known of a server since its first connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manners {
    /// It takes no settings at the opening.
    pub(super) refuses: bool,
    pub(super) major: Option<u32>,
}

fn known() -> &'static Mutex<HashMap<(String, u16), Manners>> {
    static KNOWN: OnceLock<Mutex<HashMap<(String, u16), Manners>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

/// What this process has learned of a server.
pub(super) fn manners(host: &str, port: u16) -> Manners {
    let known = known().lock().unwrap_or_else(PoisonError::into_inner);
    known.get(&(host.to_owned(), port)).copied().unwrap_or_default()
}

/// Remembers it: the next opening need not try in vain.
pub(super) fn learn(host: &str, port: u16, manners: Manners) {
    let mut known = known().lock().unwrap_or_else(PoisonError::into_inner);
    known.insert((host.to_owned(), port), manners);
}

/// Runs one statement in a transaction of its own, which begins as all do: three messages, one round trip.
///
/// # Errors
/// The first of the three that failed, as the driver gives it.
pub(super) async fn alone<T>(
    client: &tokio_postgres::Client,
    prologue: &str,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    // Polled in this order, and sent when first polled. After an error the last one rolls back.
    let all = futures_util::future::join3(client.batch_execute(prologue), statement, client.batch_execute("commit"));
    let (begun, answer, ended) = Box::pin(all).await;
    begun?;
    let answer = answer?;
    ended?;
    Ok(answer)
}

/// The failure of a prologue: of its settings one needs a superuser.
pub(super) fn cannot_begin(e: tokio_postgres::Error, found: &Found) -> Error {
    let error = classify(e);
    if found.is_replica && error.sqlstate() == Some("42501") {
        return error.hint(
            "foreign keys and triggers are switched off for this role: alter role … reset session_replication_role, or \
             alter database … (as a superuser)",
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_told_to_the_server_in_one_way_at_least() {
        let lines = TEXT.lines().filter(|line| line.starts_with("set ")).count();
        assert_eq!(settings().count(), lines);
        assert!(settings().all(|s| s.in_transactions || s.at_opening));
        assert!(!TEXT.lines().any(|line| !line.is_empty() && !line.starts_with("set ") && !line.starts_with("--")));
    }

    #[test]
    fn a_transaction_begins_with_its_isolation_and_a_version_gets_only_what_it_knows() {
        let text = prologue(14, &Found::default());
        assert!(
            text.starts_with("begin isolation level read committed, not deferrable; set local search_path = pg_cat")
        );
        assert!(!text.contains("transaction_timeout") && !text.contains("idle_session_timeout"), "{text}");
        assert!(prologue(17, &Found::default()).contains("set local transaction_timeout = 0"));
        let found = Found { reads_by_default: true, is_replica: true, commits_early: true };
        let text = prologue(18, &found);
        assert!(text.starts_with("begin isolation level read committed, read write, not deferrable;"));
        assert!(text.ends_with("; set local synchronous_commit = on; set local session_replication_role = origin"));
    }

    #[test]
    fn settings_of_an_opening_are_words_of_a_command_line() {
        let text = startup(None);
        assert!(text.starts_with(r"-c search_path=pg_catalog,\ pg_temp -c row_security=off "), "{text}");
        assert!(text.contains("-c idle_session_timeout=0") && text.contains(r"-c datestyle=ISO,\ YMD"));
        assert!(!text.contains("transaction_timeout=0") || text.contains("idle_in_transaction"));
        assert!(!text.contains("-c transaction_timeout") && !text.contains("default_tablespace"));
        assert!(startup(Some(18)).contains("-c transaction_timeout=0"));
    }

    #[test]
    fn a_version_is_read_as_servers_write_it() {
        for (text, expected) in [("15.8 (Debian 15.8-1)", 15), ("18beta1", 18), ("", 0), ("x", 0)] {
            assert_eq!(major(Some(text)), expected, "{text}");
        }
        assert_eq!(major(None), 0);
    }
}
