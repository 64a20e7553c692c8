//! Classifies the driver's errors: SQLSTATE or io kind → [`Kind`].

use std::error::Error as _;
use std::io;

use super::server_error::from_server;
use super::sqlstate::kind_of;
use crate::error::{Error, Kind};

/// Turns a driver error into this crate's, keeping SQLSTATE and cause.
///
/// The server's message is kept. Its detail and context are not, because they may hold cell values.
pub(super) fn classify(e: tokio_postgres::Error) -> Error {
    if let Some(db) = e.as_db_error() {
        return from_server(db).caused_by(e);
    }
    let io = io_cause(&e);
    let is_lost = e.is_closed() || io.is_some_and(is_connection_lost);
    let kind = if is_lost { Kind::DatabaseUnavailable } else { Kind::Internal };
    let message = match (is_lost, io) {
        (true, Some(io)) => format!("the connection to the database was lost: {io}"),
        (true, None) => "the connection to the database was lost".to_owned(),
        (false, _) => format!("the database driver failed: {}", with_cause(&e)),
    };
    Error::new(kind, message).caused_by(e)
}

/// Classifies a failed COMMIT. Without an answer from the server only the ledger knows the outcome. An answer
/// that the server gives while it shuts down does not count as one: it may come after the commit record,
/// during the wait for a standby.
pub(super) fn commit_failed(e: tokio_postgres::Error) -> Error {
    if let Some(db) = e.as_db_error()
        && kind_of(db.code().code()) != Kind::DatabaseUnavailable
    {
        return classify(e);
    }
    Error::new(Kind::CommitUnknown, "the connection was lost during commit").caused_by(e)
}

/// The innermost cause: the outer ones say only "error connecting to server".
pub(super) fn innermost_cause(e: &dyn std::error::Error) -> String {
    let mut innermost = e;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
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

/// Whether the io kind means that the server or the network is unavailable. `PermissionDenied` is the
/// driver's word for a server that is not writable although a writable one was asked for.
fn is_connection_lost(e: &io::Error) -> bool {
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

fn with_cause(e: &tokio_postgres::Error) -> String {
    match e.source() {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    }
}
