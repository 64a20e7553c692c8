//! Opening one connection. Names are resolved at every attempt, so that a failover's new address is found.
//!
//! Nothing is put into session state but startup parameters: behind PgBouncer in transaction mode the next transaction
//! may run on another server connection.

use std::time::Duration;

use tokio_postgres::config::{SslMode as DriverSslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};

use super::error::classify;
use super::tls;
use crate::config::dsn::{Dsn, SslMode, TargetSession};
use crate::error::{Error, Kind, Result};

/// An open connection. Its task runs until the client is dropped.
pub(super) struct Connected {
    pub(super) client: Client,
}

/// Connects to the first host that will do.
///
/// # Errors
/// `DatabaseUnavailable` when none answers, `AccessDenied`, or `Config` for a database or certificate that is not there.
pub(super) async fn connect(dsn: &Dsn, application_name: &str) -> Result<Connected> {
    let config = driver_config(dsn, application_name);
    let servers = dsn.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(", ");
    let failed = |e: tokio_postgres::Error| {
        let text = causes(&e);
        let error = classify(e);
        match error.kind() {
            // The driver says only "error connecting to server"; the reason is further down.
            Kind::DatabaseUnavailable | Kind::Internal if error.sqlstate().is_none() => {
                let kind = if text.contains("certificate") { Kind::AccessDenied } else { Kind::DatabaseUnavailable };
                let hint = match kind {
                    Kind::AccessDenied => {
                        "the server's certificate is not trusted: name its root with sslrootcert=… (sslmode says what is verified)"
                    }
                    _ => {
                        "check host and port in --database-url (`evo config show`), and that the server runs and accepts connections"
                    }
                };
                Error::new(kind, format!("cannot connect to {servers}: {text}")).caused_by(error).hint(hint)
            }
            _ => error.context(format!("cannot connect to {servers}")),
        }
    };
    // The connection's task ends with the client; an error of it surfaces at the client's next use.
    if dsn.sslmode == SslMode::Disable || dsn.hosts.iter().all(|(host, _)| host.starts_with('/')) {
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        tokio::spawn(async move { log_end(connection.await) });
        return Ok(Connected { client });
    }
    let (client, connection) = config.connect(tls::connector(dsn)?).await.map_err(failed)?;
    tokio::spawn(async move { log_end(connection.await) });
    Ok(Connected { client })
}

/// Only here does the cause of a lost connection show.
fn log_end(end: std::result::Result<(), tokio_postgres::Error>) {
    if let Err(e) = end {
        tracing::debug!(cause = causes(&e), "a database connection ended");
    }
}

fn driver_config(dsn: &Dsn, application_name: &str) -> Config {
    let mut config = Config::new();
    for (host, port) in &dsn.hosts {
        config.host(host).port(*port);
    }
    config
        .user(&dsn.user)
        .dbname(&dsn.dbname)
        .application_name(application_name)
        .connect_timeout(dsn.connect_timeout)
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(60))
        .ssl_mode(match dsn.sslmode {
            SslMode::Disable => DriverSslMode::Disable,
            SslMode::Prefer => DriverSslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => DriverSslMode::Require,
        })
        .target_session_attrs(match dsn.target {
            TargetSession::Any => TargetSessionAttrs::Any,
            TargetSession::ReadWrite => TargetSessionAttrs::ReadWrite,
            TargetSession::ReadOnly => TargetSessionAttrs::ReadOnly,
        });
    if let Some(password) = dsn.password() {
        config.password(password);
    }
    if let Some(options) = &dsn.options {
        config.options(options);
    }
    config
}

/// The innermost cause: the outer ones say "error connecting to server".
fn causes(e: &dyn std::error::Error) -> String {
    let mut innermost = e;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
