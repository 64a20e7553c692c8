//! Why a connection could not be opened, in words that name the servers and never a credential.

use super::error::classify;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind};

/// A server that is read-only although it is no standby.
pub(super) fn read_only(dsn: &Dsn) -> Error {
    Error::new(Kind::DatabaseFull, format!("{} is read-only although it is no standby", dsn.shown_servers()))
        .detail("Azure Database for PostgreSQL turns a server read-only when 95 % of its storage are used")
        .hint(
            "add storage or free some (`evo optimize-storage` shows where it is), then run the same command again: it goes \
             on where it stopped. If somebody made it read-only: alter system reset default_transaction_read_only",
        )
}

/// Whether the server's pg_hba.conf has no line for this kind of connection: another one may do.
pub(super) fn is_refused_by_rule(error: &Error) -> bool {
    error.sqlstate() == Some("28000")
}

/// The server asked for something that the address forbids.
pub(super) fn unwanted(dsn: &Dsn, reason: &str) -> Error {
    Error::new(Kind::AccessDenied, format!("cannot connect to {}: {reason}", dsn.shown_servers()))
        .hint("nothing was sent to it; change the method in the server's pg_hba.conf, or the parameter")
}

/// What the driver's error of a connection that did not come about means.
pub(super) fn cannot_connect(dsn: &Dsn, e: tokio_postgres::Error) -> Error {
    // The driver says only "error connecting to server"; the reason is further down.
    let (outer, reason) = (e.to_string(), causes(&e));
    let denied = |hint: &str| {
        let message = format!("cannot connect to {}: {reason}", dsn.shown_servers());
        Error::new(Kind::AccessDenied, message).hint(hint)
    };
    let error = classify(e);
    match error.kind() {
        Kind::DatabaseUnavailable | Kind::Internal if error.sqlstate().is_none() => {
            // In TLS 1.3 the server refuses evo's certificate only after the handshake: with an alert.
            if reason.contains("fatal alert") {
                denied("the server refused TLS as evo offered it: check sslcert and sslkey (a client certificate)")
                    .caused_by(error)
            } else if reason.contains("certificate") {
                denied("the server's certificate is not trusted: name its root with sslrootcert=… (sslmode says what is verified)")
                    .caused_by(error)
            } else if reason.contains("does not support TLS") {
                denied("sslmode asks for TLS: switch it on at the server, or use sslmode=disable on a network that you trust")
                    .caused_by(error)
            } else if outer.starts_with("authentication error") || outer.starts_with("invalid configuration") {
                denied("check password, channel_binding and sslmode in --database-url, and the method in the server's pg_hba.conf")
                    .caused_by(error)
            } else {
                unreachable(dsn, &reason).caused_by(error)
            }
        }
        // "could not write init file" of a server whose disk is full, say: no session was opened, and the next one may be.
        _ if error.sqlstate().is_some_and(|code| code.starts_with("XX")) => {
            let code = error.sqlstate().unwrap_or_default().to_owned();
            let message = format!("cannot connect to {}: {}", dsn.shown_servers(), error.message());
            Error::new(Kind::DatabaseUnavailable, message)
                .with_sqlstate(code)
                .hint("the server failed while it opened the session; its log says why, and its disk may be full")
                .caused_by(error)
        }
        _ => error.context(format!("cannot connect to {}", dsn.shown_servers())),
    }
}

/// No server answers.
pub(super) fn unreachable(dsn: &Dsn, reason: &str) -> Error {
    Error::new(Kind::DatabaseUnavailable, format!("cannot connect to {}: {reason}", dsn.shown_servers())).hint(
        "check host and port in --database-url (`evo config show`), and that the server runs and accepts connections",
    )
}

/// The innermost cause: the outer ones say "error connecting to server".
pub(super) fn causes(e: &dyn std::error::Error) -> String {
    let mut innermost = e;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
