//! Opening one connection. Names are resolved at every attempt, so that a failover's new address is found, and every
//! address of a name is tried.
//!
//! Nothing is put into session state but startup parameters: behind PgBouncer in transaction mode the next transaction
//! may run on another server connection. See [`super::settings`].

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding as DriverBinding, SslMode as DriverMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::connect_error::{cannot_connect, is_refused_by_rule, read_only, unreachable, unwanted};
use super::dial::Route;
use super::guard::{Guard, GuardedTls, Refused, Watch};
use super::health::Backend;
use super::settings::{self, Found, Manners};
use super::tls;
use crate::config::dsn::{ChannelBinding, Dsn, Server, SslMode, TargetSession};
use crate::error::{Error, Kind, Result};

/// SQLSTATE and message with which the server ended a connection, if it said so.
pub(super) type Ended = Arc<OnceLock<(String, String)>>;

/// An open connection. Its task runs until the client is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) dsn: Dsn,
    /// Where it leads, for a request to cancel.
    pub(super) route: Route,
    pub(super) is_encrypted: bool,
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
    use TargetSession as T;
    let application_name = &shown_name(application_name);
    match (access, dsn.target) {
        (Access::Write, T::Standby | T::ReadOnly) => Err(Error::new(
            Kind::Config,
            format!("target_session_attrs={} is refused: this command writes", dsn.target.name()),
        )
        .hint("leave it out, or use primary; `evo status` and `evo check` read from a standby")),
        // `takes_writes` asks, and can tell a standby from a full server.
        (Access::Write, _) => first(dsn, application_name, access, T::Any).await,
        (Access::Any, T::PreferStandby) => match first(dsn, application_name, access, T::Standby).await {
            Err(error) if error.kind() == Kind::DatabaseUnavailable => {
                first(dsn, application_name, access, T::Any).await
            }
            other => other,
        },
        (Access::Any, target) => first(dsn, application_name, access, target).await,
    }
}

async fn first(dsn: &Dsn, application_name: &str, access: Access, target: TargetSession) -> Result<Connected> {
    let mut found: Option<Error> = None;
    for server in in_order(dsn, &dsn.servers) {
        let addresses = match resolve(server).await {
            Ok(addresses) => addresses,
            Err(e) => {
                let error = unreachable(dsn, &e.to_string()).caused_by(e);
                found = Some(more_telling(found, error));
                continue;
            }
        };
        for address in in_order(dsn, &addresses) {
            let route = Route { server: server.clone(), address: *address };
            let limit = if dsn.connect_timeout.is_zero() { Duration::from_secs(3600) } else { dsn.connect_timeout };
            let wanted = Wanted { application_name, access, target };
            // On the heap: every statement may have to open a connection, to ask for the first one.
            let opened = Box::pin(open_with_settings(dsn, &route, &wanted));
            let error = match tokio::time::timeout(limit, opened).await {
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

/// As given, or from a random one on (`load_balance_hosts=random`).
fn in_order<'a, T>(dsn: &Dsn, all: &'a [T]) -> Vec<&'a T> {
    let mut list: Vec<&T> = all.iter().collect();
    if dsn.balances_load && !list.is_empty() {
        let by = RandomState::new().hash_one(0) as usize % list.len();
        list.rotate_left(by);
    }
    list
}

/// Of several servers, the one that is full but no standby is the one that matters.
fn more_telling(before: Option<Error>, now: Error) -> Error {
    match before {
        Some(before) if before.kind() == Kind::DatabaseFull => before,
        _ => now,
    }
}

/// The addresses of a host, asked for anew each time; `None` for a socket's folder, which has none.
async fn resolve(server: &Server) -> std::io::Result<Vec<Option<IpAddr>>> {
    if server.address.is_some() || server.is_socket() {
        return Ok(vec![server.address]);
    }
    let mut addresses: Vec<Option<IpAddr>> =
        tokio::net::lookup_host((server.host.as_str(), server.port)).await?.map(|address| Some(address.ip())).collect();
    addresses.dedup();
    Ok(addresses)
}

/// What a session is for.
struct Wanted<'a> {
    application_name: &'a str,
    access: Access,
    target: TargetSession,
}

/// Opens a session with the settings that evo relies on; without them where they are refused.
async fn open_with_settings(dsn: &Dsn, route: &Route, wanted: &Wanted<'_>) -> Result<Connected> {
    let (host, port) = (route.server.host.as_str(), route.server.port);
    let known = settings::manners(host, port);
    let options = (!known.refuses).then(|| settings::startup(known.major));
    let (mut connected, major) = match open(dsn, route, wanted.application_name, options).await {
        Err(error) if !known.refuses && settings::are_refused(&error) => {
            tracing::debug!(error = error.message(), "settings are refused at the opening, as poolers do");
            settings::learn(host, port, Manners { refuses: true, ..known });
            return Box::pin(open_with_settings(dsn, route, wanted)).await;
        }
        opened => opened?,
    };
    connected.has_settings = !known.refuses;
    settings::learn(host, port, Manners { major: Some(major), ..known });
    if wanted.access == Access::Write || wanted.target != TargetSession::Any {
        let asked = suits(&connected, wanted).await?;
        // Known by later versions only, it could not be told to the first connection.
        if asked.has_transaction_timeout && !known.refuses && known.major.is_none() {
            return Box::pin(open_with_settings(dsn, route, wanted)).await;
        }
        connected.prologue = settings::prologue(major, &asked.found).into();
        (connected.backend, connected.found) = (asked.backend, asked.found);
    }
    Ok(connected)
}

/// One way to begin a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// TLS where the server can.
    TlsIfPossible,
    Tls,
}

/// Opens a session, encrypted as `sslmode` says. Where both ways are allowed, the other one is tried when the server's rules
/// (pg_hba.conf) refuse the first, as libpq does. With the major version of the server.
async fn open(dsn: &Dsn, route: &Route, name: &str, options: Option<String>) -> Result<(Connected, u32)> {
    let ways: &[Way] = match dsn.protection.mode {
        _ if route.server.is_socket() => &[Way::Plain],
        SslMode::Disable => &[Way::Plain],
        SslMode::Allow => &[Way::Plain, Way::Tls],
        SslMode::Prefer => &[Way::TlsIfPossible, Way::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Way::Tls],
    };
    let mut refused = None;
    for way in ways {
        let config = driver_config(dsn, &route.server, name, *way, options.as_deref());
        match open_by(dsn, route, &config, *way).await {
            Err(error) if is_refused_by_rule(&error) => refused = refused.or(Some(error)),
            Err(error) => return Err(refused.unwrap_or(error)),
            Ok((client, ended, major)) => {
                let found = Found::default();
                let connected = Connected {
                    client,
                    dsn: dsn.clone(),
                    route: route.clone(),
                    is_encrypted: *way != Way::Plain,
                    application_name: name.to_owned(),
                    ended,
                    prologue: settings::prologue(major, &found).into(),
                    found,
                    has_settings: false,
                    backend: None,
                };
                return Ok((connected, major));
            }
        }
    }
    Err(refused.unwrap_or_else(|| unreachable(dsn, "there is no way to connect")))
}

async fn open_by(dsn: &Dsn, route: &Route, config: &Config, way: Way) -> Result<(Client, Ended, u32)> {
    let refused = Refused::default();
    let auth = dsn.protection.auth.as_ref();
    let asks_for_tls = way != Way::Plain && !dsn.protection.is_direct;
    // The stream below TLS is not looked at; what TLS decrypts is.
    let below = if way == Way::Plain || asks_for_tls { auth } else { None };
    let wire = route.dial(&dsn.keepalive).await.map_err(|e| unreachable(dsn, &e.to_string()).caused_by(e))?;
    let wire = Guard::new(wire, Watch::new(below, asks_for_tls, Arc::clone(&refused)));
    let failed = |e| match refused.get() {
        Some(reason) => unwanted(dsn, reason).caused_by(e),
        None => cannot_connect(dsn, e),
    };
    let ended = Ended::default();
    let (client, major) = if way == Way::Plain {
        let (client, connection) = config.connect_raw(wire, NoTls).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&ended)));
        (client, major)
    } else {
        let tls = guarded_tls(dsn, &route.server, Watch::new(auth, false, Arc::clone(&refused)))?;
        let (client, connection) = config.connect_raw(wire, tls).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&ended)));
        (client, major)
    };
    Ok((client, ended, major))
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

/// TLS to a server, its certificate held against the server's name.
pub(super) fn guarded_tls(dsn: &Dsn, server: &Server, watch: Watch) -> Result<GuardedTls> {
    let mut connector = tls::connector(&dsn.protection)?;
    match MakeTlsConnect::<Guard<super::dial::Socket>>::make_tls_connect(&mut connector, &server.host) {
        Ok(inner) => Ok(GuardedTls { inner, watch }),
        Err(never) => match never {},
    }
}

/// Runs a connection. Only here does the cause of a lost one show.
async fn note_end(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>, ended: Ended) {
    if let Err(e) = connection.await {
        if let Some(db) = e.as_db_error() {
            let _ = ended.set((db.code().code().to_owned(), db.message().to_owned()));
        }
        tracing::debug!(cause = super::connect_error::causes(&e), "a database connection ended");
    }
}

/// What a new session says of itself.
struct Asked {
    /// The process that answered.
    backend: Option<Backend>,
    found: Found,
    has_transaction_timeout: bool,
}

/// Whether the server is one that was asked for, asked in the session itself: the address may still lead to the old primary.
///
/// A server that is read-only and no standby has been made so: Azure does it when 95 % of the storage are used.
async fn suits(connected: &Connected, wanted: &Wanted<'_>) -> Result<Asked> {
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
    let (is_standby, is_read_only) = (answer.get(0) == Some("t"), answer.get(1) == Some("on"));
    let reads_by_default = answer.get(4) == Some("t");
    if wanted.access == Access::Write && is_standby {
        let message = format!("{} is a standby: it takes no writes until it is promoted", dsn.shown_servers());
        return Err(Error::new(Kind::DatabaseUnavailable, message)
            .hint("name the primary in --database-url, or all servers separated by commas"));
    }
    if wanted.access == Access::Write && is_read_only && !reads_by_default {
        return Err(read_only(dsn));
    }
    let is_wanted = match wanted.target {
        TargetSession::Any | TargetSession::PreferStandby => true,
        TargetSession::ReadWrite => !is_standby && !is_read_only,
        TargetSession::ReadOnly => is_standby || is_read_only,
        TargetSession::Primary => !is_standby,
        TargetSession::Standby => is_standby,
    };
    if !is_wanted {
        let (shown, target) = (dsn.shown_servers(), wanted.target.name());
        let message = format!("{shown} is not as target_session_attrs={target} asks for");
        return Err(Error::new(Kind::DatabaseUnavailable, message));
    }
    Ok(Asked {
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
    })
}

fn driver_config(dsn: &Dsn, server: &Server, application_name: &str, way: Way, settings: Option<&str>) -> Config {
    let mut config = Config::new();
    config.host(&server.host).port(server.port).user(&dsn.user).dbname(&dsn.dbname).application_name(application_name);
    config.ssl_mode(match way {
        Way::Plain => DriverMode::Disable,
        Way::TlsIfPossible => DriverMode::Prefer,
        Way::Tls => DriverMode::Require,
    });
    if dsn.protection.is_direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    config.channel_binding(match dsn.protection.channel_binding {
        ChannelBinding::Disable => DriverBinding::Disable,
        ChannelBinding::Prefer => DriverBinding::Prefer,
        ChannelBinding::Require => DriverBinding::Require,
    });
    if let Some(password) = dsn.password(server) {
        config.password(password);
    }
    // Of two values of a setting the last one counts.
    let options: Vec<&str> = dsn.options.as_deref().into_iter().chain(settings).collect();
    if !options.is_empty() {
        config.options(options.join(" "));
    }
    config
}
