//! The servers that hold the tests' databases: the shared one, or those of a Citus cluster.
//!
//! `EVO_TEST_CITUS_URL` is the address of a coordinator without a database. Its database `postgres` must have
//! the extension and know the workers (`citus_add_node`), by addresses that the tests can reach. A database
//! with evo's schema is then one on every server, a copy of a template whose tables `evo distribute` has
//! distributed. Other databases are on the coordinator alone, and have no extension.
//!
//! Left out are the tests that say so ([`is_left_out`]), and those that ask the server for something that no
//! cluster does, as a join of staging with the ledger; what evo asks for is never a reason. Each is listed with
//! its reason in `target/tmp/left-out-on-a-cluster`: `scripts/test-cluster` prints them.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use super::{sql, try_sql};

const PAUSE: Duration = Duration::from_millis(200);

/// The databases of this test, to be dropped when it is left out.
static DATABASES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The address of the coordinator, if the tests run on a cluster.
pub fn coordinator() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| std::env::var("EVO_TEST_CITUS_URL").ok().filter(|url| !url.is_empty())).as_deref()
}

/// Whether the tests run on a cluster.
pub fn is_cluster() -> bool {
    coordinator().is_some()
}

/// Says that a test is left out on a cluster, and why. The caller returns.
pub fn is_left_out(reason: &str) -> bool {
    if is_cluster() {
        note(reason);
    }
    is_cluster()
}

/// Whether a server of the cluster refuses several commands in one message. Nothing is done then.
pub fn refuses_several(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(is_of_several)
}

fn is_of_several(error: &DbError) -> bool {
    let is_handed_on = |place: &str| place.starts_with("while executing command on ");
    error.code() == &SqlState::SYNTAX_ERROR && error.where_().is_some_and(is_handed_on)
}

/// The statements of a message, one by one.
pub fn each_statement(message: &str) -> Vec<&str> {
    let (mut statements, mut from) = (Vec::new(), 0);
    let (mut quote, mut is_body, mut before) = (None, false, ' ');
    for (at, c) in message.char_indices() {
        match c {
            '$' if quote.is_none() && before == '$' => is_body = !is_body,
            '\'' | '"' if !is_body && quote.is_none_or(|open| open == c) => quote = quote.xor(Some(c)),
            ';' if !is_body && quote.is_none() => {
                statements.push(message[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    statements.push(message[from..].trim());
    statements.retain(|statement| !statement.is_empty());
    statements
}

#[test]
fn statements_end_outside_of_quotes_and_bodies() {
    assert_eq!(
        each_statement("select ';', \"a;\"; do $$ begin x; end $$;\n create table t (a text default 'it''s;');"),
        ["select ';', \"a;\"", "do $$ begin x; end $$", "create table t (a text default 'it''s;')"]
    );
}

/// Ends this test, whose own statement a cluster refuses, as left out; returns if the refusal is about
/// something else.
pub fn leave_out_if_refused(url: &str, statements: &str, error: &tokio_postgres::Error) {
    let Some(coordinator) = coordinator().filter(|coordinator| url.starts_with(coordinator)) else { return };
    let Some(error) = error.as_db_error() else { return };
    let is_refusal = match error.code().code() {
        "0A000" => true,
        "XX000" | "42P16" => {
            ["distributed table", "involving partition column"].iter().any(|m| error.message().contains(m))
        }
        // Several commands in one transaction of their own.
        "42601" => is_of_several(error),
        _ => false,
    };
    if !is_refusal {
        return;
    }
    let statement = statements.split_whitespace().collect::<Vec<_>>().join(" ");
    note(&format!("its own statement is refused: {}: {statement:.100}", error.message()));
    for name in DATABASES.lock().unwrap().iter() {
        everywhere(coordinator, &format!("drop database if exists {name} with (force)"));
    }
    // Each test is a process of its own.
    std::process::exit(0);
}

/// Remembers a database that is dropped when the test is left out.
pub fn remember(name: &str) {
    DATABASES.lock().unwrap().push(name.to_owned());
}

fn note(reason: &str) {
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("left-out-on-a-cluster");
    let mut list = std::fs::File::options().create(true).append(true).open(list).unwrap();
    let test = std::env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| "a test".to_owned());
    writeln!(list, "{test}: {reason}").unwrap();
}

/// The addresses of the servers of the cluster without a database, the coordinator first.
pub fn servers(coordinator: &str) -> &'static [String] {
    static SERVERS: OnceLock<Vec<String>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let (scheme, rest) = coordinator.split_once("://").expect("an address like postgres://user@host:port");
        let user = rest.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
        let workers =
            "select nodename, nodeport from pg_dist_node where shouldhaveshards and groupid > 0 order by 1, 2";
        let workers = sql(&format!("{coordinator}/postgres"), workers);
        assert!(!workers.is_empty(), "the database postgres of the coordinator knows no worker");
        let worker = |row: &Vec<String>| format!("{scheme}://{user}{}:{}", row[0], row[1]);
        std::iter::once(coordinator.to_owned()).chain(workers.iter().map(worker)).collect()
    })
}

/// Runs a statement in the database `postgres` of every server, and waits for sessions that are in its way: a
/// server of a cluster opens new ones to a database that is dropped.
pub fn everywhere(coordinator: &str, statement: &str) {
    let run = |server: &str| {
        for _ in 0..20 {
            match try_sql(&format!("{server}/postgres"), statement) {
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => std::thread::sleep(PAUSE),
                done => return drop(done.unwrap_or_else(|e| panic!("{statement}\n{e:?}"))),
            }
        }
        panic!("{statement}: its sessions do not end");
    };
    std::thread::scope(|scope| {
        for server in servers(coordinator) {
            scope.spawn(move || run(server));
        }
    });
}

/// Makes a cluster of the databases of this name, which are empty. What `evo distribute` sets for a role in a
/// database is not copied with the database, so the role has it everywhere.
pub fn join(coordinator: &str, name: &str) {
    let servers = servers(coordinator);
    let relied_on = [
        "datestyle = 'ISO, YMD'",
        "timezone = 'UTC'",
        "lc_monetary = 'C'",
        "lc_numeric = 'C'",
        "lc_time = 'C'",
        "jit = off",
    ];
    for setting in relied_on {
        sql(&format!("{coordinator}/postgres"), &format!("alter role current_user set {setting}"));
    }
    for server in servers {
        sql(&format!("{server}/{name}"), "create extension citus");
    }
    let place = |url: &String| {
        let at = url.rsplit('@').next().unwrap().trim_start_matches("postgres://").to_owned();
        let (host, port) = at.rsplit_once(':').unwrap();
        (host.to_owned(), port.to_owned())
    };
    let (host, port) = place(&servers[0]);
    let mut statements = format!("select citus_set_coordinator_host('{host}', {port})");
    for (host, port) in servers[1..].iter().map(place) {
        statements += &format!("; select citus_add_node('{host}', {port})");
    }
    sql(&format!("{coordinator}/{name}"), &statements);
}

/// Distributes the tables of a migrated database.
pub fn distribute(coordinator: &str, name: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_evo"))
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(["distribute", "--shards", "4", "--database-url", &format!("{coordinator}/{name}")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
