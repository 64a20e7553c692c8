//! Opening one connection. Names are resolved at every attempt, so that a failover's new address is found, and every
//! address of a name is tried.
//!
//! Nothing is put into session state but startup parameters: behind PgBouncer in transaction mode the next transaction
//! may run on another server connection. See [`super::settings`].

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_postgres::config::{SslMode as DriverSslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::error::classify;
use super::health::Backend;
use super::settings::{self, Found, Manners};
use super::tls;
use crate::config::dsn::{Dsn, SslMode, TargetSession};
use crate::error::{Error, Kind, Result};

/// SQLSTATE and message with which the server ended a connection, if it said so.
pub(super) type Ended = Arc<OnceLock<(String, String)>>;

/// An open connection. Its task runs until the client is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) dsn: Dsn,
    pub(super) application_name: String,
    pub(super) ended: Ended,
    /// What each transaction begins with.
    pub(super) prologue: Arc<str>,
    pub(super) found: Found,
    /// Whether the server took the settings at the opening.
    pub(super) has_settings: bool,
    /// The server process, where it was asked for.
    pub(super) backend: Option<Backend>,
}

/// Host, address and port.
type At<'a> = (&'a str, Option<IpAddr>, u16);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Looking: any server that answers, as far as the address does not say otherwise.
    Any,
    /// Changing something: only a server that takes writes.
    Write,
}

/// Connects to the first server that will do, of all hosts in the address and all addresses of each.
///
/// # Errors
/// `DatabaseUnavailable` when none answers or all that do are standbys, `DatabaseFull` when the primary takes no writes,
/// `AccessDenied`, or `Config` for a database or certificate that is not there.
pub(super) async fn connect_for(dsn: &Dsn, application_name: &str, access: Access) -> Result<Connected> {
    let application_name = &shown_name(application_name);
    let mut found: Option<Error> = None;
    for (host, port) in &dsn.hosts {
        let addresses = match resolve(host, *port).await {
            Ok(addresses) => addresses,
            Err(e) => {
                let error = unreachable(dsn, &e.to_string()).caused_by(e);
                found = Some(more_telling(found, error));
                continue;
            }
        };
        for address in addresses {
            let limit = if dsn.connect_timeout.is_zero() { Duration::from_secs(3600) } else { dsn.connect_timeout };
            let opened = tokio::time::timeout(limit, async {
                open_with_settings(dsn, (host, address, *port), application_name, access).await
            });
            let error = match opened.await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => error,
                Err(_) => unreachable(dsn, &format!("no answer within {limit:?}")),
            };
            match error.kind() {
                Kind::DatabaseUnavailable | Kind::DatabaseBusy | Kind::DatabaseFull => {
                    found = Some(more_telling(found, error));
                }
                _ => return Err(error),
            }
        }
    }
    Err(found.unwrap_or_else(|| unreachable(dsn, "its name has no address")))
}

/// Of several servers, the one that is full but no standby is the one that matters.
fn more_telling(before: Option<Error>, now: Error) -> Error {
    match before {
        Some(before) if before.kind() == Kind::DatabaseFull => before,
        _ => now,
    }
}

/// The addresses of a host, asked for anew each time; `None` for a socket's folder, which has none.
async fn resolve(host: &str, port: u16) -> std::io::Result<Vec<Option<IpAddr>>> {
    if host.starts_with('/') {
        return Ok(vec![None]);
    }
    let mut addresses: Vec<Option<IpAddr>> =
        tokio::net::lookup_host((host, port)).await?.map(|address| Some(address.ip())).collect();
    addresses.dedup();
    Ok(addresses)
}

/// Opens a session with the settings that evo relies on; without them where they are refused.
async fn open_with_settings(dsn: &Dsn, at: At<'_>, application_name: &str, access: Access) -> Result<Connected> {
    let (host, _, port) = at;
    let known = settings::manners(host, port);
    let config = |options| driver_config(dsn, at, application_name, access, options);
    let opened = match known.refuses {
        true => open(dsn, &config(None), application_name).await,
        false => open(dsn, &config(Some(settings::startup(known.major))), application_name).await,
    };
    let (mut connected, major) = match opened {
        Err(error) if !known.refuses && settings::are_refused(&error) => {
            tracing::debug!(error = error.message(), "settings are refused at the opening, as poolers do");
            settings::learn(host, port, Manners { refuses: true, ..known });
            return Box::pin(open_with_settings(dsn, at, application_name, access)).await;
        }
        opened => opened?,
    };
    connected.has_settings = !known.refuses;
    settings::learn(host, port, Manners { major: Some(major), ..known });
    if access == Access::Write {
        let asked = takes_writes(&connected).await?;
        // Known by later versions only, it could not be told to the first connection.
        if asked.has_transaction_timeout && !known.refuses && known.major.is_none() {
            return Box::pin(open_with_settings(dsn, at, application_name, access)).await;
        }
        connected.prologue = settings::prologue(major, &asked.found).into();
        (connected.backend, connected.found) = (asked.backend, asked.found);
    }
    Ok(connected)
}

/// Opens a session. With the major version of its server.
async fn open(dsn: &Dsn, config: &Config, application_name: &str) -> Result<(Connected, u32)> {
    let failed = |e| cannot_connect(dsn, e);
    let ended = Ended::default();
    let (client, major) = if dsn.is_encrypted() {
        let (client, connection) = config.connect(tls::connector(dsn)?).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&ended)));
        (client, major)
    } else {
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&ended)));
        (client, major)
    };
    let found = Found::default();
    let prologue = settings::prologue(major, &found).into();
    let (dsn, application_name) = (dsn.clone(), application_name.to_owned());
    let has_settings = false;
    Ok((Connected { client, dsn, application_name, ended, prologue, found, has_settings, backend: None }, major))
}

/// A name as the server shows it, which cuts it after 63 bytes and knows printable ASCII only: what is looked for by its
/// name must be found. Its beginning says what it is, its end which.
fn shown_name(name: &str) -> String {
    const LIMIT: usize = 63;
    const END: usize = 20;
    let name: String = name.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    if name.len() <= LIMIT {
        return name;
    }
    format!("{}~{}", &name[..LIMIT - END - 1], &name[name.len() - END..])
}

/// Runs a connection. Only here does the cause of a lost one show.
async fn note_end(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>, ended: Ended) {
    if let Err(e) = connection.await {
        if let Some(db) = e.as_db_error() {
            let _ = ended.set((db.code().code().to_owned(), db.message().to_owned()));
        }
        tracing::debug!(cause = causes(&e), "a database connection ended");
    }
}

/// What a new session says of itself.
struct Asked {
    /// The process that answered.
    backend: Option<Backend>,
    found: Found,
    has_transaction_timeout: bool,
}

/// Whether the server takes writes, asked in the session itself: the address may still lead to the old primary.
///
/// A server that is read-only and no standby has been made so: Azure does it when 95 % of the storage are used.
async fn takes_writes(connected: &Connected) -> Result<Asked> {
    let dsn = &connected.dsn;
    // Not with all settings: it asks for some of them as they are.
    let sql = concat!(
        "begin isolation level read committed, not deferrable; set local search_path = pg_catalog, pg_temp; \
         set local statement_timeout = 0;\n",
        sql_file!("pg/takes_writes.sql"),
        ";\ncommit"
    );
    let asked = connected.client.simple_query(sql).await;
    let messages = asked.map_err(|e| cannot_connect(dsn, e))?;
    let answer = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let Some(answer) = answer else {
        return Err(Error::new(Kind::Internal, "the server did not answer whether it takes writes"));
    };
    let reads_by_default = answer.get(4) == Some("t");
    match (answer.get(0), answer.get(1)) {
        (Some("t"), _) => Err(Error::new(
            Kind::DatabaseUnavailable,
            format!("{} is a standby: it takes no writes until it is promoted", servers(dsn)),
        )
        .hint("name the primary in --database-url, or all servers separated by commas")),
        (_, Some("on")) if !reads_by_default => Err(read_only(dsn)),
        _ => Ok(Asked {
            backend: answer.get(2).and_then(|pid| pid.parse().ok()).map(|pid| Backend {
                pid,
                started_at: answer.get(3).and_then(|at| at.parse().ok()),
                application_name: connected.application_name.clone(),
            }),
            found: Found {
                reads_by_default,
                is_replica: answer.get(5).is_some_and(|role| role != "origin"),
                commits_early: answer.get(6) == Some("off"),
            },
            has_transaction_timeout: answer.get(7).is_some_and(|timeout| timeout != "0"),
        }),
    }
}

fn read_only(dsn: &Dsn) -> Error {
    Error::new(Kind::DatabaseFull, format!("{} is read-only although it is no standby", servers(dsn)))
        .detail("Azure Database for PostgreSQL turns a server read-only when 95 % of its storage are used")
        .hint(
            "add storage or free some (`evo optimize-storage` shows where it is), then run the same command again: it goes \
             on where it stopped. If somebody made it read-only: alter system reset default_transaction_read_only",
        )
}

fn servers(dsn: &Dsn) -> String {
    dsn.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(", ")
}

fn cannot_connect(dsn: &Dsn, e: tokio_postgres::Error) -> Error {
    // The driver says only "error connecting to server"; the reason is further down.
    let reason = causes(&e);
    let error = classify(e);
    match error.kind() {
        Kind::DatabaseUnavailable | Kind::Internal if error.sqlstate().is_none() => {
            if reason.contains("certificate") {
                Error::new(Kind::AccessDenied, format!("cannot connect to {}: {reason}", servers(dsn)))
                    .caused_by(error)
                    .hint("the server's certificate is not trusted: name its root with sslrootcert=… (sslmode says what is verified)")
            } else {
                unreachable(dsn, &reason).caused_by(error)
            }
        }
        // "could not write init file" of a server whose disk is full, say: no session was opened, and the next one may be.
        _ if error.sqlstate().is_some_and(|code| code.starts_with("XX")) => {
            let code = error.sqlstate().unwrap_or_default().to_owned();
            Error::new(Kind::DatabaseUnavailable, format!("cannot connect to {}: {}", servers(dsn), error.message()))
                .with_sqlstate(code)
                .hint("the server failed while it opened the session; its log says why, and its disk may be full")
                .caused_by(error)
        }
        _ => error.context(format!("cannot connect to {}", servers(dsn))),
    }
}

fn unreachable(dsn: &Dsn, reason: &str) -> Error {
    Error::new(Kind::DatabaseUnavailable, format!("cannot connect to {}: {reason}", servers(dsn))).hint(
        "check host and port in --database-url (`evo config show`), and that the server runs and accepts connections",
    )
}

fn driver_config(
    dsn: &Dsn,
    (host, address, port): At<'_>,
    application_name: &str,
    access: Access,
    settings: Option<String>,
) -> Config {
    let mut config = Config::new();
    config.host(host).port(port);
    if let Some(address) = address {
        // The name stays for the certificate.
        config.hostaddr(address);
    }
    config
        .user(&dsn.user)
        .dbname(&dsn.dbname)
        .application_name(application_name)
        .connect_timeout(dsn.connect_timeout)
        // A host that is gone is noticed within a minute, whether evo waits for it or sends to it.
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
        .target_session_attrs(match (access, dsn.target) {
            // `takes_writes` asks, and can tell a standby from a full server.
            (Access::Write, _) | (Access::Any, TargetSession::Any) => TargetSessionAttrs::Any,
            (Access::Any, TargetSession::ReadWrite) => TargetSessionAttrs::ReadWrite,
            (Access::Any, TargetSession::ReadOnly) => TargetSessionAttrs::ReadOnly,
        });
    if let Some(password) = dsn.password() {
        config.password(password);
    }
    // Of two values of a setting the last one counts.
    let options: Vec<String> = dsn.options.iter().cloned().chain(settings).collect();
    if !options.is_empty() {
        config.options(options.join(" "));
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
