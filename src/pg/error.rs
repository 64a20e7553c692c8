//! What an error of the server or the driver means: SQLSTATE and io kind → [`Kind`].

use std::error::Error as _;
use std::io;

use tokio_postgres::error::DbError;

use crate::error::{Error, Kind};

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

/// An error of COMMIT: without an answer of the server nobody but the ledger knows what became of it.
pub(super) fn commit_failed(e: tokio_postgres::Error) -> Error {
    if e.as_db_error().is_some() {
        return classify(e);
    }
    Error::new(Kind::CommitUnknown, "the connection was lost during commit").caused_by(e)
}

/// The kind of a SQLSTATE. The most specific entry wins; the two-character class decides for the rest.
pub fn kind_of(sqlstate: &str) -> Kind {
    match sqlstate {
        "57P01" | "57P02" | "57P03" | "25006" => Kind::DatabaseUnavailable,
        "40001" | "40P01" => Kind::TransactionConflict,
        "53300" | "55P03" => Kind::DatabaseBusy,
        "53100" => Kind::DatabaseFull,
        "53200" => Kind::OutOfMemory,
        "57014" => Kind::StatementCanceled,
        "42501" => Kind::AccessDenied,
        "54000" | "54001" => Kind::BadRow,
        "3D000" => Kind::Config,
        code => match code.get(..2) {
            Some("08") => Kind::DatabaseUnavailable,
            Some("22") => Kind::BadRow,
            Some("28") => Kind::AccessDenied,
            Some("53") => Kind::DatabaseBusy,
            _ => Kind::StatementInvalid,
        },
    }
}

fn from_server(db: &DbError) -> Error {
    let code = db.code().code();
    let error = Error::new(kind_of(code), db.message().to_owned()).with_sqlstate(code);
    match (code, db.hint()) {
        ("3D000", _) => error.hint("create it with `createdb`, or name another in --database-url"),
        ("28P01", _) => error.hint("check user and password in --database-url, EVO_DATABASE_URL or PGPASSWORD"),
        ("42501", _) => {
            error.hint("grant the role what it needs, or run as the owner of the schemas evo, stg_evo and core")
        }
        ("53100", _) => error.hint("free or add storage, then run the same command again: it goes on where it stopped"),
        (_, Some(hint)) => error.hint(hint),
        _ => error,
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
    fn a_sqlstate_has_the_kind_that_its_row_in_the_table_says() {
        let table = [
            ("08006", Kind::DatabaseUnavailable),
            ("57P01", Kind::DatabaseUnavailable),
            ("57P03", Kind::DatabaseUnavailable),
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
            ("23505", Kind::StatementInvalid),
        ];
        for (code, kind) in table {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }
}
