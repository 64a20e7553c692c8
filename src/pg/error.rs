//! What an error of the server or the driver means: SQLSTATE and io kind → [`Kind`].

use std::error::Error as _;
use std::io;

use tokio_postgres::error::DbError;

use crate::error::{Error, Kind, Named};

/// Turns a driver error into this crate's, keeping SQLSTATE and cause.
///
/// The server's message is kept; its detail and context are not, because they may hold cell values.
pub fn classify(e: tokio_postgres::Error) -> Error {
    if let Some(db) = e.as_db_error() {
        return from_server(db).caused_by(e);
    }
    let io = io_cause(&e);
    let kind = match io {
        _ if e.is_closed() => Kind::DatabaseUnavailable,
        Some(io) if connection_lost(io) => Kind::DatabaseUnavailable,
        Some(_) | None => Kind::Internal,
    };
    let message = match (kind, io) {
        (Kind::DatabaseUnavailable, Some(io)) => format!("the connection to the database was lost: {io}"),
        (Kind::DatabaseUnavailable, None) => "the connection to the database was lost".to_owned(),
        _ => format!("the database driver failed: {}", describe(&e)),
    };
    Error::new(kind, message).caused_by(e)
}

/// An error of COMMIT: without an answer of the server nobody but the ledger knows what became of it. An answer that the
/// server gives while it goes down is none: it may come after the commit record, while a standby is waited for.
pub(super) fn commit_failed(e: tokio_postgres::Error) -> Error {
    if let Some(db) = e.as_db_error()
        && kind_of(db.code().code()) != Kind::DatabaseUnavailable
    {
        return classify(e);
    }
    Error::new(Kind::CommitUnknown, "the connection was lost during commit").caused_by(e)
}

/// SQLSTATEs and the classes (two characters) of those not named, with their kinds; [`Kind::StatementInvalid`] for the rest.
///
/// Names: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub const SQLSTATES: &[(&str, Kind, &str)] = &[
    ("08", Kind::DatabaseUnavailable, "connection exceptions"),
    ("09", Kind::Refused, "a trigger's action failed"),
    ("22", Kind::BadRow, "data exceptions"),
    ("23", Kind::Refused, "a constraint does not hold: not null, foreign key, unique, check, exclusion"),
    (
        "25006",
        Kind::DatabaseUnavailable,
        "read-only transaction: a standby, or a full server, which the next connection tells",
    ),
    ("25P03", Kind::DatabaseUnavailable, "idle_in_transaction_session_timeout ended the session"),
    ("25P04", Kind::StatementCanceled, "transaction_timeout ended the session"),
    ("27", Kind::Refused, "a trigger changed the row that it was called for"),
    ("28", Kind::AccessDenied, "invalid authorization"),
    ("2BP01", Kind::Config, "something of yours depends on a table that evo has to drop"),
    ("2F", Kind::Refused, "a function of the database failed"),
    ("38", Kind::Refused, "a function in another language failed"),
    ("39", Kind::Refused, "a trigger's function broke the rules for triggers"),
    ("3D000", Kind::Config, "the database does not exist"),
    ("3F000", Kind::Config, "the schema does not exist, or none was named to make something in"),
    ("40", Kind::TransactionConflict, "serialization failure, deadlock"),
    ("40003", Kind::CommitUnknown, "completion unknown"),
    ("42501", Kind::AccessDenied, "insufficient privilege"),
    ("44", Kind::Refused, "a view's check option refused the row"),
    ("53", Kind::DatabaseBusy, "insufficient resources, too many connections"),
    ("53100", Kind::DatabaseFull, "disk full"),
    ("53200", Kind::OutOfMemory, "out of memory"),
    ("53400", Kind::OutOfMemory, "a limit of the server's settings: temp_file_limit"),
    ("54000", Kind::BadRow, "program limit exceeded"),
    ("54001", Kind::BadRow, "statement too complex: a document nested too deeply"),
    ("55006", Kind::DatabaseBusy, "object in use"),
    ("55P03", Kind::DatabaseBusy, "lock not available: lock_timeout"),
    ("57014", Kind::StatementCanceled, "canceled by somebody or by statement_timeout"),
    ("57P01", Kind::DatabaseUnavailable, "session terminated, or the server stops"),
    ("57P02", Kind::DatabaseUnavailable, "another session crashed"),
    ("57P03", Kind::DatabaseUnavailable, "the server starts, stops or recovers"),
    ("57P04", Kind::Config, "the database was dropped"),
    ("57P05", Kind::DatabaseUnavailable, "idle_session_timeout ended the session"),
    ("58", Kind::DatabaseBusy, "input/output error of the server"),
    ("P0", Kind::Refused, "a function of the database raised an error, or an assertion failed"),
];

/// The kind of a SQLSTATE. The most specific entry of [`SQLSTATES`] wins.
pub fn kind_of(sqlstate: &str) -> Kind {
    let entry = |wanted: &str| SQLSTATES.iter().find(|(code, ..)| *code == wanted).map(|(_, kind, _)| *kind);
    entry(sqlstate).or_else(|| entry(sqlstate.get(..2)?)).unwrap_or(Kind::StatementInvalid)
}

/// An error of which only the server's code and message are known.
pub(super) fn from_sqlstate(code: &str, message: String) -> Error {
    Error::new(kind_of(code), message).with_sqlstate(code)
}

fn from_server(db: &DbError) -> Error {
    let code = db.code().code();
    let function = db.where_().and_then(function_in).map(str::to_owned);
    if is_raised(code, db.routine(), function.as_deref()) {
        return raised(code, function);
    }
    let error = from_sqlstate(code, without_values(code, db.message())).naming(Named {
        table: db.schema().zip(db.table()).map(|(schema, table)| (schema.to_owned(), table.to_owned())),
        column: db.column().map(str::to_owned),
        constraint: db.constraint().map(str::to_owned),
        function,
    });
    match (code, db.hint()) {
        // By the name of the function that refuses: the message comes in the server's language.
        ("42501", _) if db.routine() == Some("check_enable_rls") => error.hint(
            "row-level security would hide rows from evo, which would take them for gone. As the table's owner: alter table \
             SCHEMA.TABLE no force row level security; or let evo's role see all: alter role ROLE bypassrls",
        ),
        ("3D000", _) => error.hint("create it with `createdb`, or name another in --database-url"),
        ("28P01", _) => error.hint("check user and password in --database-url, EVO_DATABASE_URL or PGPASSWORD"),
        ("42501", _) => error.hint(missing_right(db.message())),
        ("53300", _) => error.hint(
            "end other sessions, or raise the limit: alter role … connection limit, alter database … connection limit, \
             max_connections. A load and a transform need 2 connections, a full refresh 3",
        ),
        ("53400", _) => error.hint(
            "it is a setting of the server, temp_file_limit as a rule: raise it for evo's role, as a superuser, with alter role … \
             set temp_file_limit = -1; or work in smaller pieces: EVO_TRANSFORM_CHUNK_ROWS, --batch-size",

        ),
        ("53100", _) => error.hint("free or add storage, then run the same command again: it goes on where it stopped"),
        // Its detail lists the dependents, by their names only. The server's hint is to drop them too.
        ("2BP01", _) => match db.detail() {
            Some(dependents) => error.detail(dependents),
            None => error,
        },
        // Something of the user's was at work: a trigger, a function in an index or in a model.
        ("42883" | "42P01" | "42704", _) if db.where_().is_some() => error.hint(
            "sessions of evo find unqualified names in pg_catalog only: write SCHEMA.NAME in functions, triggers and models of \
             your own, or alter function … set search_path = …",
        ),
        ("3F000", _) => error.hint("sessions of evo have no schema to make things in: write SCHEMA.NAME"),
        (_, Some(hint)) => error.hint(hint),
        _ => error,
    }
}

/// The message of an error about a value (class 22) without the value, which stands in quotes in every language: `invalid
/// input syntax for type integer: "…"`.
fn without_values(code: &str, message: &str) -> String {
    if !code.starts_with("22") {
        return message.to_owned();
    }
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((open, close)) =
        QUOTES.into_iter().filter(|(open, _)| rest.contains(*open)).min_by_key(|q| rest.find(q.0))
    {
        let Some((before, quoted)) = rest.split_once(open) else { break };
        shown.push_str(before);
        shown.push_str("\"…\"");
        // A value may hold quotes itself: everything up to the last one goes.
        rest = quoted.rsplit_once(close).map_or("", |(_, after)| after);
    }
    // An encoding's complaint shows the bytes behind a colon.
    shown.push_str(rest.split_once(": 0x").map_or(rest, |(before, _)| before));
    shown
}

/// As the server's translations quote.
const QUOTES: [(char, char); 4] = [('"', '"'), ('«', '»'), ('„', '“'), ('“', '”')];

/// Whether the message is somebody's own text, which may hold values of the row. The server's messages name objects only,
/// but for those about values.
fn is_raised(code: &str, routine: Option<&str>, function: Option<&str>) -> bool {
    let is_of_evo = function.is_some_and(|name| name.starts_with("evo."));
    let is_text_of_a_function = routine == Some("exec_stmt_raise") || routine == Some("exec_stmt_assert");
    !is_of_evo && (is_text_of_a_function || ["P0", "38", "39", "2F"].contains(&code.get(..2).unwrap_or_default()))
}

fn raised(code: &str, function: Option<String>) -> Error {
    let kind = match kind_of(code) {
        Kind::StatementInvalid => Kind::Refused,
        known => known,
    };
    let name = function.as_deref().unwrap_or("a function of the database");
    Error::new(kind, format!("{name} raised an error"))
        .with_sqlstate(code)
        .naming(Named { function, ..Named::default() })
        .hint("what it said is in the server's log; it is not shown here because it may hold values")
}

/// The function in the first line of an error's context, in whatever language the server speaks:
/// `PL/pgSQL function public.f(text) line 1 at RAISE`.
fn function_in(context: &str) -> Option<&str> {
    let line = context.lines().next().filter(|line| !line.contains(['\'', ':']))?;
    let open = line.find('(')?;
    let close = open + line[open..].find(')')?;
    let mut is_quoted = false;
    let begins = line[..open].rfind(|c: char| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    });
    Some(&line[begins.map_or(0, |at| at + 1)..=close])
}

/// The grant that a refusal asks for, as far as the server's words tell; they may be in another language.
fn missing_right(message: &str) -> String {
    let object = |kind: &str| message.strip_prefix(&format!("permission denied for {kind} "));
    let owned = |kind: &str| message.strip_prefix(&format!("must be owner of {kind} "));
    const READ: &str = "commands that read need usage on the schemas evo, stg_evo and core, and select on their tables";
    if let Some(name) = object("schema") {
        format!("grant usage on schema {name} to the role, and create too if it is to write; {READ}")
    } else if let Some(name) = ["table", "view", "materialized view", "relation"].into_iter().find_map(object) {
        format!("grant select on {name} to the role to read it; jobs that write run as the owner of its table; {READ}")
    } else if let Some(name) = object("function") {
        format!("grant execute on function {name} to the role")
    } else if let Some(name) = object("tablespace") {
        format!("grant create on tablespace {name} to the role")
    } else if let Some(name) = object("database") {
        format!("grant create on database {name} to the role; or make the schemas beforehand, owned by it")
    } else if message.contains("temporary tables") {
        "grant temporary on the database to the role".to_owned()
    } else if let Some(name) = ["table", "relation", "index", "schema", "sequence", "view"].into_iter().find_map(owned)
    {
        format!(
            "jobs that write run as the owner of evo's objects: alter … {name} owner to the role, or grant its owner's role to it"
        )
    } else {
        "grant the role what it needs, or run as the owner of the schemas evo, stg_evo and core".to_owned()
    }
}

fn io_cause(e: &tokio_postgres::Error) -> Option<&io::Error> {
    let mut source = e.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = cause.source();
    }
    None
}

/// Io kinds that mean the other side or the way to it is gone. `PermissionDenied` is the driver's word for a server
/// that is not writable although a writable one was asked for.
fn connection_lost(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        e.kind(),
        K::ConnectionRefused
            | K::ConnectionReset
            | K::ConnectionAborted
            | K::NotConnected
            | K::BrokenPipe
            | K::UnexpectedEof
            | K::TimedOut
            | K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
            | K::NotFound
            | K::PermissionDenied
    )
}

fn describe(e: &tokio_postgres::Error) -> String {
    match e.source() {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_a_value_does_not_show_it() {
        for (message, shown) in [
            (
                r#"invalid input syntax for type integer: "390.533-"44""#,
                r#"invalid input syntax for type integer: "…""#,
            ),
            (
                r#"value "39053344705" is out of range for type integer"#,
                r#"value "…" is out of range for type integer"#,
            ),
            (
                "sintaxe de entrada é inválida para tipo integer: «390»",
                "sintaxe de entrada é inválida para tipo integer: \"…\"",
            ),
            (r#"invalid byte sequence for encoding "UTF8": 0xe7 0xe3"#, r#"invalid byte sequence for encoding "…""#),
            ("division by zero", "division by zero"),
        ] {
            assert_eq!(without_values("22P02", message), shown);
        }
        assert_eq!(without_values("42P01", r#"relation "x" does not exist"#), r#"relation "x" does not exist"#);
    }

    #[test]
    fn a_sqlstate_has_the_kind_that_its_row_in_the_table_says() {
        let table = [
            ("08006", Kind::DatabaseUnavailable),
            ("57P01", Kind::DatabaseUnavailable),
            ("57P03", Kind::DatabaseUnavailable),
            ("57P05", Kind::DatabaseUnavailable),
            ("25P03", Kind::DatabaseUnavailable),
            ("58030", Kind::DatabaseBusy),
            ("53400", Kind::OutOfMemory),
            ("25006", Kind::DatabaseUnavailable),
            ("40001", Kind::TransactionConflict),
            ("40P01", Kind::TransactionConflict),
            ("53300", Kind::DatabaseBusy),
            ("55P03", Kind::DatabaseBusy),
            ("53100", Kind::DatabaseFull),
            ("53200", Kind::OutOfMemory),
            ("57014", Kind::StatementCanceled),
            ("22P02", Kind::BadRow),
            ("22P05", Kind::BadRow),
            ("22003", Kind::BadRow),
            ("54001", Kind::BadRow),
            ("28P01", Kind::AccessDenied),
            ("42501", Kind::AccessDenied),
            ("3D000", Kind::Config),
            ("42601", Kind::StatementInvalid),
            ("23505", Kind::Refused),
            ("P0001", Kind::Refused),
            ("39P01", Kind::Refused),
            ("2BP01", Kind::Config),
        ];
        for (code, kind) in table {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
    #[test]
    fn the_function_that_raised_is_found_in_the_context_in_any_language() {
        let found = |context| function_in(context);
        assert_eq!(found("PL/pgSQL function public.f(text) line 1 at RAISE"), Some("public.f(text)"));
        assert_eq!(found("função PL/pgSQL s.\"a f\"(a, b) linha 3 em RAISE\nmore g()"), Some("s.\"a f\"(a, b)"));
        assert_eq!(found("SQL statement \"select f('Ana')\"\nPL/pgSQL function f() line 1"), None);
        assert_eq!(found("COPY t, line 1, column a: \"x(y)\""), None);
        assert_eq!(found("nothing"), None);
    }

    #[test]
    fn what_a_function_says_in_its_own_words_is_not_repeated() {
        assert!(is_raised("P0001", Some("exec_stmt_raise"), Some("public.f()")));
        assert!(is_raised("22023", Some("exec_stmt_raise"), Some("f()")));
        assert!(is_raised("38000", None, None));
        assert!(!is_raised("22023", Some("exec_stmt_raise"), Some("evo.raise_misfit(text)")));
        assert!(!is_raised("23514", Some("ExecConstraints"), None));
        let error = raised("22023", Some("f()".to_owned()));
        assert_eq!((error.kind(), error.message()), (Kind::BadRow, "f() raised an error"));
        assert_eq!(raised("XX123", None).kind(), Kind::Refused);
    }
}
