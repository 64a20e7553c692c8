//! Opening one session with one server, encrypted as `sslmode` says.
//!
//! Session state is set by startup parameters only: behind PgBouncer in transaction mode the next transaction
//! may run on another server connection. See [`super::settings`].

use std::sync::{Arc, OnceLock};

use tokio_postgres::config::{ChannelBinding as DriverBinding, SslMode as DriverMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};

use super::connect_error::{cannot_connect, is_refused_by_rule, unreachable, unwanted};
use super::dial::{Route, Socket};
use super::error::innermost_cause;
use super::guard::{Forbidden, Guard, GuardedTls, Watch};
use super::health::Backend;
use super::settings::{self, Inherited};
use super::tls;
use crate::config::dsn::{ChannelBinding, Dsn, Server, SslMode};
use crate::error::Result;

/// SQLSTATE and message with which the server ended a connection, if it said anything.
pub(super) type LastWords = Arc<OnceLock<(String, String)>>;

/// An open session. Its connection task runs until the client is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) dsn: Dsn,
    /// The way to the server, for cancel requests.
    pub(super) route: Route,
    pub(super) is_encrypted: bool,
    pub(super) application_name: String,
    pub(super) last_words: LastWords,
    /// The statements that begin each transaction.
    pub(super) prologue: Arc<str>,
    pub(super) inherited: Inherited,
    /// Whether the server took evo's settings as startup parameters.
    pub(super) has_settings: bool,
    /// The server process; `None` where it was not asked for.
    pub(super) backend: Option<Backend>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Plain,
    /// TLS where the server supports it.
    TlsIfPossible,
    Tls,
}

/// Opens a session and returns it with the server's major version. Where `sslmode` allows both, the other way
/// is tried when the server's rules (pg_hba.conf) refuse the first one, as libpq does.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn open(dsn: &Dsn, route: &Route, name: &str, options: Option<String>) -> Result<(Connected, u32)> {
    use Encryption as E;
    let ways: &[E] = match dsn.protection.mode {
        _ if route.server.is_socket() => &[E::Plain],
        SslMode::Disable => &[E::Plain],
        SslMode::Allow => &[E::Plain, E::Tls],
        SslMode::Prefer => &[E::TlsIfPossible, E::Plain],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[E::Tls],
    };
    let mut refused = None;
    for way in ways {
        let config = driver_config(dsn, &route.server, name, *way, options.as_deref());
        match open_one_way(dsn, route, &config, *way).await {
            Err(error) if is_refused_by_rule(&error) => refused = refused.or(Some(error)),
            Err(error) => return Err(refused.unwrap_or(error)),
            Ok((client, last_words, major)) => {
                let inherited = Inherited::default();
                let connected = Connected {
                    client,
                    dsn: dsn.clone(),
                    route: route.clone(),
                    is_encrypted: *way != E::Plain,
                    application_name: name.to_owned(),
                    last_words,
                    prologue: settings::prologue(major, &inherited).into(),
                    inherited,
                    has_settings: false,
                    backend: None,
                };
                return Ok((connected, major));
            }
        }
    }
    Err(refused.unwrap_or_else(|| unreachable(dsn, "there is no way to connect")))
}

async fn open_one_way(dsn: &Dsn, route: &Route, config: &Config, way: Encryption) -> Result<(Client, LastWords, u32)> {
    let forbidden = Forbidden::default();
    let auth = dsn.protection.auth.as_ref();
    let asks_for_tls = way != Encryption::Plain && !dsn.protection.is_direct;
    // The guard can only read plain text: the connection's own without TLS, otherwise what TLS has decrypted.
    let below = if way == Encryption::Plain || asks_for_tls { auth } else { None };
    let wire = route.dial(&dsn.keepalive).await.map_err(|e| unreachable(dsn, &e.to_string()).caused_by(e))?;
    let wire = Guard::new(wire, Watch::new(below, asks_for_tls, Arc::clone(&forbidden)));
    let failed = |e| match forbidden.get() {
        Some(reason) => unwanted(dsn, reason).caused_by(e),
        None => cannot_connect(dsn, e),
    };
    let last_words = LastWords::default();
    let (client, major) = if way == Encryption::Plain {
        let (client, connection) = config.connect_raw(wire, NoTls).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&last_words)));
        (client, major)
    } else {
        let tls = guarded_tls(dsn, &route.server, Watch::new(auth, false, Arc::clone(&forbidden)))?;
        let (client, connection) = config.connect_raw(wire, tls).await.map_err(failed)?;
        let major = settings::major(connection.parameter("server_version"));
        tokio::spawn(note_end(connection, Arc::clone(&last_words)));
        (client, major)
    };
    Ok((client, last_words, major))
}

/// TLS to a server, whose certificate is verified against the server's name.
pub(super) fn guarded_tls(dsn: &Dsn, server: &Server, watch: Watch) -> Result<GuardedTls> {
    let mut connector = tls::connector(&dsn.protection)?;
    match MakeTlsConnect::<Guard<Socket>>::make_tls_connect(&mut connector, &server.host) {
        Ok(inner) => Ok(GuardedTls { inner, watch }),
        Err(never) => match never {},
    }
}

/// Runs a connection. Only here is the cause of its end known.
async fn note_end(connection: impl Future<Output = Result<(), tokio_postgres::Error>>, last_words: LastWords) {
    if let Err(e) = connection.await {
        if let Some(db) = e.as_db_error() {
            let _ = last_words.set((db.code().code().to_owned(), db.message().to_owned()));
        }
        tracing::debug!(cause = innermost_cause(&e), "a database connection ended");
    }
}

fn driver_config(dsn: &Dsn, server: &Server, name: &str, way: Encryption, settings: Option<&str>) -> Config {
    let mut config = Config::new();
    config.host(&server.host).port(server.port).user(&dsn.user).dbname(&dsn.dbname).application_name(name);
    config.ssl_mode(match way {
        Encryption::Plain => DriverMode::Disable,
        Encryption::TlsIfPossible => DriverMode::Prefer,
        Encryption::Tls => DriverMode::Require,
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
    // When a setting is given twice, the last value counts.
    let options: Vec<&str> = dsn.options.as_deref().into_iter().chain(settings).collect();
    if !options.is_empty() {
        config.options(options.join(" "));
    }
    config
}
