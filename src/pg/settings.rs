//! The settings that evo relies on in a session, however the server, the database or the role is set:
//! `sql/pg/session.sql`.
//!
//! They are sent twice. Every transaction begins with them ([`prologue`]), because behind a pooler each
//! transaction may run in another session. They are also startup parameters ([`startup`]), for statements
//! that cannot run in a transaction. A pooler refuses startup parameters; then its sessions keep the role's
//! settings outside of transactions.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::Mutex;

use super::sqlstate as code;
use crate::error::Error;

const TEXT: &str = sql_file!("pg/session.sql");
/// Answers to startup parameters that are not accepted: PgBouncer's, other poolers', and those of a server
/// that does not know the parameter or the value.
const REFUSALS: [&str; 4] =
    [code::PROTOCOL_VIOLATION, code::FEATURE_NOT_SUPPORTED, code::UNDEFINED_OBJECT, code::INVALID_PARAMETER_VALUE];

/// One setting of `sql/pg/session.sql`.
struct Setting {
    name: &'static str,
    /// The value as written in SQL, quotes included.
    value: &'static str,
    in_transactions: bool,
    at_opening: bool,
    /// The first major version that knows it.
    since: u32,
}

/// Settings that a session inherited from its role, database or server and that evo changes only where it
/// must.
#[derive(Debug, Clone, Default)]
pub(super) struct Inherited {
    /// Transactions of the role or database are read-only by default. evo overrides that default. It does not
    /// override a server that is read-only as a whole: its platform does that before the disk is full.
    pub(super) reads_by_default: bool,
    /// Triggers and foreign keys are off in this session. Only a superuser may change this.
    pub(super) is_replica: bool,
    /// A commit is answered before it is on disk. What evo reports as loaded must survive a crash.
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

/// The statements that begin a transaction on a server of this major version.
pub(super) fn prologue(major: u32, inherited: &Inherited) -> String {
    let writes = if inherited.reads_by_default { ", read write" } else { "" };
    let mut text = format!("begin isolation level read committed{writes}, not deferrable");
    for Setting { name, value, .. } in settings().filter(|s| s.in_transactions && s.since <= major) {
        text.push_str(&format!("; set local {name} = {value}"));
    }
    if inherited.commits_early {
        text.push_str("; set local synchronous_commit = on");
    }
    if inherited.is_replica {
        text.push_str("; set local session_replication_role = origin");
    }
    text
}

/// The same settings as the startup parameter `options`. Those that only later versions know are left out
/// while the version is unknown.
pub(super) fn startup(major: Option<u32>) -> String {
    let wanted = settings().filter(|s| s.at_opening && s.since <= major.unwrap_or(0));
    let escaped = |value: &str| value.trim_matches('\'').replace('\\', r"\\").replace(' ', r"\ ");
    wanted.map(|s| format!("-c {}={}", s.name, escaped(s.value))).collect::<Vec<_>>().join(" ")
}

/// `15.8 (Debian 15.8-1)` → 15; 0 for anything unknown.
pub(super) fn major(version: Option<&str>) -> u32 {
    let digits = version.unwrap_or_default().split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Whether a session could not be opened because of the startup parameters.
pub(super) fn are_refused(error: &Error) -> bool {
    error.sqlstate().is_some_and(|code| REFUSALS.contains(&code))
}

/// Facts about a server that this process remembers from one connection to the next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServerTraits {
    /// It accepts no settings as startup parameters.
    pub(super) refuses_settings: bool,
    pub(super) major: Option<u32>,
}

static KNOWN: LazyLock<Mutex<HashMap<(String, u16), ServerTraits>>> = LazyLock::new(Mutex::default);

/// The facts remembered about a server; the default for one that no connection has reached yet.
pub(super) fn traits_of(host: &str, port: u16) -> ServerTraits {
    KNOWN.lock().get(&(host.to_owned(), port)).copied().unwrap_or_default()
}

/// Remembers what a connection found out, so that the next one need not find it out again.
pub(super) fn learn(host: &str, port: u16, traits: ServerTraits) {
    KNOWN.lock().insert((host.to_owned(), port), traits);
}

/// Runs one statement in a transaction of its own, with the usual prologue: three messages, one round trip.
///
/// # Errors
/// The first of the three that failed, as the driver gives it.
pub(super) async fn alone<T>(
    client: &tokio_postgres::Client,
    prologue: &str,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    // Polled in this order, and sent when first polled. After an error the commit rolls back.
    let all = futures_util::future::join3(client.batch_execute(prologue), statement, client.batch_execute("commit"));
    let (begun, answer, ended) = Box::pin(all).await;
    begun?;
    let answer = answer?;
    ended?;
    Ok(answer)
}

/// Adds a hint to the failure of a prologue that only a superuser may run.
pub(super) fn cannot_begin(error: Error, inherited: &Inherited) -> Error {
    if inherited.is_replica && error.sqlstate() == Some(code::INSUFFICIENT_PRIVILEGE) {
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
    fn every_line_of_the_file_reaches_the_server_in_one_way_at_least() {
        let lines = TEXT.lines().filter(|line| line.starts_with("set ")).count();
        assert_eq!(settings().count(), lines);
        assert!(settings().all(|s| s.in_transactions || s.at_opening));
        assert!(!TEXT.lines().any(|line| !line.is_empty() && !line.starts_with("set ") && !line.starts_with("--")));
    }

    #[test]
    fn a_transaction_begins_with_its_isolation_and_a_version_gets_only_what_it_knows() {
        let text = prologue(14, &Inherited::default());
        assert!(
            text.starts_with("begin isolation level read committed, not deferrable; set local search_path = pg_cat")
        );
        assert!(!text.contains("transaction_timeout") && !text.contains("idle_session_timeout"), "{text}");
        assert!(prologue(17, &Inherited::default()).contains("set local transaction_timeout = 0"));
        let inherited = Inherited { reads_by_default: true, is_replica: true, commits_early: true };
        let text = prologue(18, &inherited);
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
