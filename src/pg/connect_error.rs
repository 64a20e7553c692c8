//! Why a connection could not be opened, in words that name the servers and never a credential.

use super::error::{classify, innermost_cause};
use super::sqlstate::INVALID_AUTHORIZATION;
use crate::config::dsn::Dsn;
use crate::error::{Error, Kind};

/// The error for a server that is read-only although it is not a standby.
pub(super) fn read_only(dsn: &Dsn) -> Error {
    Error::new(Kind::DatabaseFull, format!("{} is read-only although it is not a standby", dsn.shown_servers()))
        .detail("Azure Database for PostgreSQL turns a server read-only when 95 % of its storage are used")
        .hint(
            "add or free storage (`evo optimize-storage` shows what uses it), then run the same command again: \
             it continues where it stopped. If it was made read-only on purpose: alter system reset \
             default_transaction_read_only",
        )
}

/// Whether the server's pg_hba.conf has no line for this kind of connection; another kind may be accepted.
pub(super) fn is_refused_by_rule(error: &Error) -> bool {
    error.sqlstate() == Some(INVALID_AUTHORIZATION)
}

/// The error for a server that asks for a way to sign in that the address forbids.
pub(super) fn unwanted(dsn: &Dsn, reason: &str) -> Error {
    Error::new(Kind::AccessDenied, format!("cannot connect to {}: {reason}", dsn.shown_servers()))
        .hint("nothing was sent to it; change the method in the server's pg_hba.conf, or the parameter")
}

/// Classifies the driver's error when no connection could be opened, and adds what the operator can do.
pub(super) fn cannot_connect(dsn: &Dsn, e: tokio_postgres::Error) -> Error {
    // The driver says only "error connecting to server"; the reason is further down.
    let (outer, reason) = (e.to_string(), innermost_cause(&e));
    let denied = |hint: &str| {
        let message = format!("cannot connect to {}: {reason}", dsn.shown_servers());
        Error::new(Kind::AccessDenied, message).hint(hint)
    };
    let error = classify(e);
    match error.kind() {
        Kind::DatabaseUnavailable | Kind::Internal if error.sqlstate().is_none() => {
            // In TLS 1.3 the server refuses evo's certificate only after the handshake, with an alert.
            if reason.contains("fatal alert") {
                denied("the server refused the TLS connection: check sslcert and sslkey (a client certificate)")
                    .caused_by(error)
            } else if reason.contains("certificate") {
                denied(
                    "the server's certificate is not trusted: name its root with sslrootcert=… (sslmode says \
                        what is verified)",
                )
                .caused_by(error)
            } else if reason.contains("does not support TLS") {
                denied(
                    "sslmode asks for TLS: switch it on at the server, or use sslmode=disable on a network \
                        that you trust",
                )
                .caused_by(error)
            } else if outer.starts_with("authentication error") || outer.starts_with("invalid configuration") {
                denied(
                    "check password, channel_binding and sslmode in --database-url, and the method in the \
                        server's pg_hba.conf",
                )
                .caused_by(error)
            } else {
                unreachable(dsn, &reason).caused_by(error)
            }
        }
        // For example "could not write init file" when the server's disk is full. The next session may open.
        _ if error.sqlstate().is_some_and(|code| code.starts_with("XX")) => {
            let code = error.sqlstate().unwrap_or_default().to_owned();
            let message = format!("cannot connect to {}: {}", dsn.shown_servers(), error.message());
            Error::new(Kind::DatabaseUnavailable, message)
                .with_sqlstate(code)
                .hint("the server failed to open the session; see its log, and whether its disk is full")
                .caused_by(error)
        }
        // A session that does not open has no data: what the server refuses is a setting of the address.
        Kind::BadRow | Kind::StatementInvalid | Kind::SchemaChanged => {
            let hint = "a parameter of the session is refused: check `options` in the address and PGOPTIONS";
            let error = error.context(format!("cannot connect to {}", dsn.shown_servers()));
            error.of_kind(Kind::Config).hint(hint)
        }
        _ => error.context(format!("cannot connect to {}", dsn.shown_servers())),
    }
}

/// The error for an address at which no server answers.
pub(super) fn unreachable(dsn: &Dsn, reason: &str) -> Error {
    Error::new(Kind::DatabaseUnavailable, format!("cannot connect to {}: {reason}", dsn.shown_servers())).hint(
        "check host and port (`evo config show` says where they come from), and that the server runs and accepts \
         connections",
    )
}
