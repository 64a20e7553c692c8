//! An error that the server reported, with what to do about it.

use std::sync::OnceLock;

use tokio_postgres::error::{DbError, ErrorPosition, Severity};

use super::redact::{function_in, is_raised, without_values};
use super::sqlstate::{self as code, kind_of};
use crate::error::{Error, Kind, Named};
use crate::sql::ident;

/// The advice for [`Kind::SchemaChanged`] where nothing more is known.
pub const SCHEMA_HINT: &str =
    "it is not as `evo migrate` made it: put it back as the migrations make it, or rename what has taken its name";
/// Sources of the server in which a missing privilege is one of the server itself, on a file of its own.
const FILE_SOURCES: [&str; 7] =
    ["fd.c", "md.c", "tablespace.c", "storage.c", "copydir.c", "buffile.c", "sharedfileset.c"];
/// Sources of the server in which it refuses to begin a transaction because its transaction ids run out.
const NUMBER_SOURCES: [&str; 2] = ["varsup.c", "multixact.c"];
/// Functions of the server that report as an internal error what another transaction has just changed in the
/// catalog.
const RACES: [&str; 3] = ["simple_heap_update", "simple_heap_delete", "relation_open"];

/// What a server says, without a code, of a connection to another one that is lost: in the words of its
/// client library, of the other server, or of Citus.
const LOST: [&str; 8] = [
    "failure on connection marked as essential",
    "terminating connection due to",
    "server closed the connection unexpectedly",
    "SSL connection has been closed unexpectedly",
    "no connection to the server",
    "SSL SYSCALL error",
    "could not receive data from server",
    "could not send data to server",
];

/// The function of the server that refuses to empty a table that others reference.
const CHECKS_REFERENCES: &str = "heap_truncate_check_FKs";

/// How Citus begins its context of an error that another server of the cluster reported.
const OF_CLUSTER: &str = "while executing command on ";
/// Digits of the lowest number of a shard.
const SHARD_DIGITS: usize = 6;

/// An error of another server of a cluster, of which only the code, the message and the constraint are known.
pub fn error_of_shard(code: &str, message: &str, constraint: Option<&str>) -> Error {
    let constraint = constraint.map(|name| shard_number(name).map_or(name, |(of_table, _)| of_table).to_owned());
    from_sqlstate(code, without_shard(&without_values(code, message))).naming(Named { constraint, ..Named::default() })
}

/// The name of a table or an index, and the number of its shard, if this is the name of one: it is numbered.
fn shard_number(name: &str) -> Option<(&str, &str)> {
    let is_shard = |number: &str| number.len() >= SHARD_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
    name.rsplit_once('_').filter(|(_, number)| is_shard(number))
}

/// A message with the names of tables and indexes in place of those of their shards, which are numbered:
/// `"evo_sales_all_102008"`. All names of a message have the number of one shard.
fn without_shard(message: &str) -> String {
    match message.split('"').skip(1).step_by(2).find_map(shard_number) {
        Some((_, number)) => message.replace(&format!("_{number}\""), "\""),
        None => message.to_owned(),
    }
}

/// The same with a message that holds no values.
pub(super) fn from_sqlstate(code: &str, message: String) -> Error {
    Error::new(kind_of(code), message).with_sqlstate(code)
}

/// The error with the objects that the server named and a hint, without cell values.
pub(super) fn from_server(db: &DbError) -> Error {
    let code = db.code().code();
    let function = db.where_().and_then(function_in).map(str::to_owned);
    if is_raised(code, db.routine(), function.as_deref()) {
        return raised(code, function);
    }
    let error = match db.where_() {
        Some(context) if context.contains(OF_CLUSTER) => error_of_shard(code, db.message(), db.constraint()),
        _ => from_sqlstate(code, without_values(code, db.message())),
    };
    let error = match error.kind() {
        Kind::AccessDenied | Kind::SchemaChanged if is_of(db, &FILE_SOURCES) => {
            return error.of_kind(Kind::DatabaseFailed).hint(
                "the server itself may not write there: make the file system of that tablespace writable for it; if \
                 it holds temporary files only, leave it out: alter role … reset temp_tablespaces",
            );
        }
        // The session is alive: Citus, or a function or a foreign table of somebody's own, has asked another
        // server.
        Kind::DatabaseUnavailable | Kind::DatabaseFailed if is_of_another_server(code, db) => {
            let error = error.of_kind(Kind::DatabaseBusy).hint(
                "it is about another server: one of the cluster, or one that a trigger, a function or a foreign table \
                 of yours asks. Its message is in the server's log",
            );
            return match function {
                Some(name) => error.context(name),
                None => error,
            };
        }
        // A limit, as of a row; but no row is to blame.
        Kind::BadRow if is_of(db, &NUMBER_SOURCES) => error.of_kind(Kind::DatabaseFailed),
        Kind::DatabaseFailed if db.routine().is_some_and(|routine| RACES.contains(&routine)) => {
            error.of_kind(Kind::TransactionConflict)
        }
        _ => error,
    };
    let constraint = error.named().constraint.clone().or_else(|| db.constraint().map(str::to_owned));
    let error = in_function(error, function.as_deref()).naming(Named {
        table: db.schema().zip(db.table()).map(|(schema, table)| (schema.to_owned(), table.to_owned())),
        column: db.column().map(str::to_owned),
        constraint,
        function,
        position: match db.position() {
            Some(ErrorPosition::Original(at)) => Some(*at),
            _ => None,
        },
    });
    match (advice(code, db).or_else(|| db.hint().map(str::to_owned)), code, db.detail()) {
        // Its detail lists the dependents, by name only. The server's hint is to drop them too.
        (_, code::DEPENDENTS_EXIST, Some(dependents)) => error.detail(dependents),
        (_, code::DEPENDENTS_EXIST, None) => error,
        // The same with a table that somebody's foreign key references: the hint is to empty theirs, too.
        (_, code::FEATURE_NOT_SUPPORTED, Some(references)) if db.routine() == Some(CHECKS_REFERENCES) => error
            .detail(references)
            .hint("drop that foreign key, or empty its table yourself, then run the same command again"),
        (Some(hint), ..) => error.hint(hint),
        (None, ..) if error.kind() == Kind::SchemaChanged => error.hint(SCHEMA_HINT),
        (None, ..) => error,
    }
}

/// Whether the error is about a connection that the server itself has to another one. An error about the
/// session's own ends the session.
fn is_of_another_server(code: &str, db: &DbError) -> bool {
    (code.starts_with("08") || is_lost_by_server(code, db.message())) && db.parsed_severity() == Some(Severity::Error)
}

/// Whether the server says that it has lost a connection of its own, without a code for it.
fn is_lost_by_server(code: &str, message: &str) -> bool {
    code == code::INTERNAL_ERROR && LOST.iter().any(|words| message.contains(words))
}

/// Whether one of these sources of the server reports the error. Some codes mean different things in
/// different sources.
fn is_of(db: &DbError, sources: &[&str]) -> bool {
    let source = db.file().and_then(|file| file.rsplit('/').next());
    source.is_some_and(|source| sources.contains(&source))
}

/// evo's advice for a SQLSTATE, where it knows more than the server; `None` elsewhere.
fn advice(code: &str, db: &DbError) -> Option<String> {
    let text = match code {
        // Recognised by the name of the function that refuses: the message comes in the server's language.
        code::INSUFFICIENT_PRIVILEGE if db.routine() == Some("check_enable_rls") => {
            let role = role();
            return Some(format!(
                "row-level security would hide rows from evo, which would treat them as gone. As the table's owner: \
                 alter table SCHEMA.TABLE no force row level security; or let evo's role see all rows: alter role \
                 {role} bypassrls; evo doctor lists the tables"
            ));
        }
        code::INSUFFICIENT_PRIVILEGE => return Some(missing_privilege(db.message())),
        code::UNKNOWN_DATABASE => "create it with `createdb`, or name another in --database-url",
        code::INVALID_PASSWORD => "check user and password in --database-url, EVO_DATABASE_URL or PGPASSWORD",
        code::TOO_MANY_CONNECTIONS => {
            "end other sessions, or raise the limit: alter role … connection limit, alter database … connection \
             limit, \
             max_connections. A load and a transform need 2 connections, a full refresh 3"
        }
        code::CONFIGURATION_LIMIT => {
            "the limit is a setting of the server, usually temp_file_limit: raise it for evo's role, as a \
             superuser, with \
             alter role … set temp_file_limit = -1; or work in smaller pieces: EVO_TRANSFORM_CHUNK_ROWS, --batch-size"
        }
        code::QUERY_CANCELED => {
            "somebody canceled it (pg_cancel_backend), or a timeout did: evo switches statement_timeout off, so look \
             for a trigger or function that sets it, and for a pooler or monitor that cancels. What is committed \
             stays: run the same command again"
        }
        code::INDEX_CORRUPTED => {
            "rebuild the index that the message names (reindex index …), and find out what has damaged it"
        }
        code::DATA_CORRUPTED => {
            "find out what has damaged it, before anything else. What the lake holds can be made again: evo reset and \
             evo load for staging, evo transform --full-refresh for core"
        }
        code::DISK_FULL => "free or add storage, then run the same command again: it continues where it stopped",
        // A trigger, or a function in an index or model, of the user's own.
        code::UNDEFINED_FUNCTION | code::UNDEFINED_TABLE | code::UNDEFINED_OBJECT if db.where_().is_some() => {
            "sessions of evo find unqualified names in pg_catalog only: write SCHEMA.NAME in your own \
             functions, triggers and \
             models, or alter function … set search_path = …"
        }
        code::DATATYPE_MISMATCH => {
            "the column's type was changed, or the model gives another one: alter the column, or cast in the model"
        }
        code::UNKNOWN_SCHEMA if db.routine() == Some("get_namespace_oid") => SCHEMA_HINT,
        code::UNKNOWN_SCHEMA => "sessions of evo have no default schema for new objects: write SCHEMA.NAME",
        _ => return None,
    };
    Some(text.to_owned())
}

/// A statement inside a function that is not evo's is for its author to correct.
fn in_function(error: Error, function: Option<&str>) -> Error {
    match function {
        Some(name)
            if matches!(error.kind(), Kind::StatementInvalid | Kind::SchemaChanged | Kind::Config)
                && !name.starts_with("evo.") =>
        {
            error.of_kind(Kind::Config).context(name)
        }
        _ => error,
    }
}

fn raised(code: &str, function: Option<String>) -> Error {
    // Its author chose the code. Only what that says about a value, or about trying again, means the same as
    // from the server itself.
    let kind = match kind_of(code) {
        known @ (Kind::BadRow | Kind::TransactionConflict) => known,
        _ => Kind::Refused,
    };
    let name = function.as_deref().unwrap_or("a function of the database");
    Error::new(kind, format!("{name} raised an error"))
        .with_sqlstate(code)
        .naming(Named { function, ..Named::default() })
        .hint("its message is in the server's log; it is not shown here because it may hold values")
}

/// The role of this process's connections, to be named in a grant.
static ROLE: OnceLock<String> = OnceLock::new();

/// Remembers the role as which this process connects.
pub(super) fn connects_as(user: &str) {
    let is_plain = user.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let starts_plain = user.starts_with(|c: char| c.is_ascii_lowercase());
    let is_reserved = ["all", "group", "order", "table", "user"].contains(&user);
    let _ = ROLE.set(if is_plain && starts_plain && !is_reserved { user.to_owned() } else { ident(user) });
}

fn role() -> &'static str {
    ROLE.get().map_or("ROLE", String::as_str)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

/// The grant that is missing, as far as the server's message says; the message may be in another language.
fn missing_privilege(message: &str) -> String {
    let object = |kind: &str| message.strip_prefix(&format!("permission denied for {kind} "));
    let owned = |kind: &str| message.strip_prefix(&format!("must be owner of {kind} "));
    const WRITES: &str = "for a job that writes, evo doctor shows the grants";
    let role = role();
    if object("schema").is_some_and(|name| ["evo", "stg_evo", "core"].contains(&name)) {
        format!(
            "grant usage on schema evo, stg_evo, core to {role};\n\
             grant select on all tables in schema evo, stg_evo, core to {role};\n{WRITES}"
        )
    } else if let Some(name) = object("schema") {
        format!("grant usage, create on schema {name} to {role};")
    } else if ["table", "view", "materialized view", "relation"].into_iter().find_map(object).is_some() {
        format!("grant select on all tables in schema evo, stg_evo, core to {role};\n{WRITES}")
    } else if let Some(name) = object("function") {
        format!("grant execute on function {name} to {role};")
    } else if let Some(name) = object("tablespace") {
        format!("grant create on tablespace {name} to {role};")
    } else if let Some(name) = object("database") {
        format!("grant create on database {name} to {role};\nor create the schemas beforehand, owned by {role}")
    } else if let Some(database) = between(message, "in database \"", "\"") {
        format!("grant temporary on database {} to {role};", ident(database))
    } else if ["table", "relation", "index", "schema", "sequence", "view"].into_iter().find_map(owned).is_some() {
        "jobs that write run as the owner of evo's tables, or with its rights: evo doctor shows the grant".to_owned()
    } else {
        "evo doctor shows what the role lacks".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_raises_keeps_its_code_but_not_its_text() {
        let error = raised("22023", Some("f()".to_owned()));
        assert_eq!((error.kind(), error.message()), (Kind::BadRow, "f() raised an error"));
        for code in ["XX123", "42501", "57014", "53100", "08006", "P0001", "23514"] {
            assert_eq!(raised(code, None).kind(), Kind::Refused, "{code}");
        }
        assert_eq!(raised("40001", None).kind(), Kind::TransactionConflict);
    }

    #[test]
    fn a_table_is_named_in_place_of_its_shard() {
        for (of_shard, of_table) in [
            (
                r#"new row for relation "evo_sales_all_102075" violates check constraint "since_20240101""#,
                r#"new row for relation "evo_sales_all" violates check constraint "since_20240101""#,
            ),
            (
                r#"duplicate key value violates unique constraint "entries_raw_2024_pkey_1020075""#,
                r#"duplicate key value violates unique constraint "entries_raw_2024_pkey""#,
            ),
            (r#"relation "entries_raw_2024" does not exist"#, r#"relation "entries_raw_2024" does not exist"#),
        ] {
            assert_eq!(without_shard(of_shard), of_table);
        }
    }

    #[test]
    fn an_internal_error_is_a_lost_connection_only_if_it_says_so() {
        for message in [
            "SSL connection has been closed unexpectedly",
            "failure on connection marked as essential: b:5432",
            "terminating connection due to administrator command",
        ] {
            assert!(is_lost_by_server("XX000", message), "{message}");
        }
        assert!(!is_lost_by_server(
            "XX000",
            "total size of jsonb array elements exceeds the maximum of 268435455 bytes"
        ));
        assert!(!is_lost_by_server("22P02", "no connection to the server"));
    }

    #[test]
    fn what_is_wrong_in_a_function_is_its_authors_unless_the_function_is_evos() {
        let missing = || from_sqlstate(code::UNDEFINED_TABLE, "relation \"log\" does not exist".to_owned());
        let error = in_function(missing(), Some("public.lg()"));
        assert_eq!((error.kind(), error.exit_code()), (Kind::Config, 3));
        assert_eq!(error.message(), "public.lg(): relation \"log\" does not exist");
        for function in [None, Some("evo.as_date(text)")] {
            assert_eq!(in_function(missing(), function).kind(), Kind::SchemaChanged);
        }
    }
}
