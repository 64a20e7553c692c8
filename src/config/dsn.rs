//! The address of a PostgreSQL server, in libpq's two syntaxes, free of any driver.
//!
//! This layer exists because the driver knows neither `verify-full` nor `sslrootcert`, reads no `PG*` variable, no
//! service file and no password file. Every parameter of libpq is obeyed or refused by name: see `parameters.rs`.
//! Reference: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>.
//!
//! No error holds a part of the address: whatever stands at the wrong place may be a piece of a password.

mod files;
mod parameters;
mod parse;
mod protection;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

pub use protection::{ChannelBinding, Protection, Protocol, RequiredAuth, Roots, SslMode};

use super::environment::Environment;
use crate::error::{Error, Kind, Result};
use parameters::Parameters;

/// Which of several servers will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSession {
    /// Any that answers.
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that takes no writes.
    ReadOnly,
    /// One that is no standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby if one answers, else any.
    PreferStandby,
}

impl TargetSession {
    /// As libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            TargetSession::Any => "any",
            TargetSession::ReadWrite => "read-write",
            TargetSession::ReadOnly => "read-only",
            TargetSession::Primary => "primary",
            TargetSession::Standby => "standby",
            TargetSession::PreferStandby => "prefer-standby",
        }
    }
}

/// One server of an address.
#[derive(Debug, Clone)]
pub struct Server {
    /// Host name, IP address or folder of a socket: what certificates and the password file are asked for.
    pub host: String,
    /// Where to connect instead of resolving `host` (`hostaddr`).
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// The password file's password for this server.
    password: Option<SecretString>,
}

impl Server {
    /// Whether it is reached over a Unix socket.
    pub fn is_socket(&self) -> bool {
        self.address.is_none() && self.host.starts_with('/')
    }
}

/// `host:port`, with brackets around an IPv6 address.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// How a lost host is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Whether the kernel asks an idle connection's other side at all.
    pub enabled: bool,
    /// After how much silence.
    pub idle: Duration,
    /// Pause between two questions.
    pub interval: Duration,
    /// Questions without an answer until the connection counts as lost.
    pub count: u32,
    /// How long sent data may stay unacknowledged; zero leaves it to the system.
    pub user_timeout: Duration,
}

/// A host that is gone is noticed within a minute, whether evo waits for it or sends to it.
const KEEPALIVE: Keepalive = Keepalive {
    enabled: true,
    idle: Duration::from_secs(30),
    interval: Duration::from_secs(10),
    count: 3,
    user_timeout: Duration::from_secs(60),
};

/// The address of one or several servers of one database.
#[derive(Debug, Clone)]
pub struct Dsn {
    /// In the order in which they are tried. Never empty.
    pub servers: Vec<Server>,
    /// Role.
    pub user: String,
    /// Its password, where the address or the environment names one.
    password: Option<SecretString>,
    /// Database.
    pub dbname: String,
    /// TLS, certificates and what the server may ask for.
    pub protection: Protection,
    /// How long one attempt may take; zero waits for ever.
    pub connect_timeout: Duration,
    /// How long the server may keep silent before it is asked over another connection whether it still works.
    pub stall_timeout: Duration,
    /// How long a statement may wait for a lock that somebody else holds.
    pub lock_wait: Duration,
    /// Which server will do.
    pub target: TargetSession,
    /// Whether servers and addresses are tried in random order.
    pub balances_load: bool,
    /// How a lost host is noticed.
    pub keepalive: Keepalive,
    /// Server options (`-c name=value`).
    pub options: Option<String>,
}

/// The default of [`Dsn::stall_timeout`].
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The default of [`Dsn::lock_wait`].
const LOCK_WAIT: Duration = Duration::from_secs(600);
/// The default of [`Dsn::connect_timeout`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Dsn {
    /// Reads an address alone.
    ///
    /// # Errors
    /// `Config` with what is not understood; never with a part of the address, which may be one of a password.
    pub fn parse(text: &str) -> Result<Self> {
        Self::resolve(text, &Environment::default())
    }

    /// Reads an address; what it leaves open comes from the service file, libpq's variables and the password file.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub fn resolve(text: &str, environment: &Environment) -> Result<Self> {
        Self::from_parameters(parse::parameters(text)?, environment)
    }

    /// The predecessor's `PG_HOST PG_PORT PG_DATABASE PG_USER PG_PASSWORD PG_SSLMODE`; the rest as libpq finds it.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub(super) fn of_predecessor(environment: &Environment) -> Result<Self> {
        let names = ["host", "port", "database", "user", "password", "sslmode"];
        let given = names.into_iter().filter_map(|name| {
            let value = environment.get(&format!("PG_{}", name.to_uppercase()))?;
            let parameter = if name == "database" { "dbname" } else { name };
            Some((parameter.to_owned(), value.to_owned()))
        });
        Self::from_parameters(Parameters::new(given.collect()), environment)
    }

    fn from_parameters(mut given: Parameters, environment: &Environment) -> Result<Self> {
        given.complete(environment)?;
        given.refuse()?;
        let mut servers = servers(&mut given)?;
        let user = given.take("user").or_else(|| environment.os_user.clone()).unwrap_or_else(|| "postgres".to_owned());
        let dbname = given.take("dbname").unwrap_or_else(|| user.clone());
        let is_local = servers.iter().all(|server| is_local(&server.host, server.address));
        let protection = Protection::read(&mut given, is_local, environment)?;
        let password = given.take("password").map(SecretString::from);
        let passfile = given.take("passfile");
        if password.is_none() {
            files::find_passwords(passfile, environment, &mut servers, (&dbname, &user));
        }
        let dsn = Self {
            servers,
            user,
            password,
            dbname,
            protection,
            connect_timeout: given.seconds("connect_timeout")?.unwrap_or(CONNECT_TIMEOUT),
            stall_timeout: STALL_TIMEOUT,
            lock_wait: LOCK_WAIT,
            target: target(&mut given)?,
            balances_load: given.choice("load_balance_hosts", &["disable", "random"])? == Some(1),
            keepalive: keepalive(&mut given)?,
            options: given.take("options"),
        };
        Ok(dsn)
    }

    /// The password for a server of this address, for the driver.
    pub fn password<'a>(&'a self, server: &'a Server) -> Option<&'a str> {
        self.password.as_ref().or(server.password.as_ref()).map(ExposeSecret::expose_secret)
    }

    /// The servers as a person writes them: `a:5432, b:5432`.
    pub fn shown_servers(&self) -> String {
        self.servers.iter().map(Server::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn servers(given: &mut Parameters) -> Result<Vec<Server>> {
    let list = |text: Option<String>| text.map(|t| t.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>());
    let (hosts, addresses, ports) = (list(given.take("host")), list(given.take("hostaddr")), list(given.take("port")));
    let count = addresses.as_ref().or(hosts.as_ref()).map_or(1, Vec::len);
    let fits = |l: &Option<Vec<String>>, one_for_all: bool| {
        l.as_ref().is_none_or(|l| l.len() == count || (one_for_all && l.len() == 1))
    };
    if !fits(&hosts, false) || !fits(&ports, true) {
        return Err(wrong("the database's address does not have as many hosts, hostaddr and ports as each other"));
    }
    (0..count)
        .map(|i| {
            let at = |l: &Option<Vec<String>>| {
                l.as_ref().and_then(|l| l.get(i).or_else(|| l.first())).filter(|text| !text.is_empty()).cloned()
            };
            let not_one = |_| wrong("a hostaddr in the database's address is not an IP address");
            let address = at(&addresses).map(|text| text.parse::<IpAddr>().map_err(not_one)).transpose()?;
            let host = at(&hosts).or_else(|| address.map(|a| a.to_string())).unwrap_or_else(|| "localhost".to_owned());
            let port = at(&ports).map_or(Ok(5432), |text| match text.parse::<u16>() {
                Ok(port) if port > 0 => Ok(port),
                _ => {
                    Err(wrong("a port in the database's address is not a number from 1 to 65535").hint(parse::ESCAPES))
                }
            })?;
            // A password of which a part has come to stand for a host must not be shown with it.
            let is_host = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
            if !host.starts_with('/') && !host.chars().all(is_host) {
                return Err(wrong("a host in the database's address is not a name").hint(parse::ESCAPES));
            }
            Ok(Server { host, address, port, password: None })
        })
        .collect()
}

fn is_local(host: &str, address: Option<IpAddr>) -> bool {
    match address {
        Some(address) => address.is_loopback(),
        None => host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    }
}

fn target(given: &mut Parameters) -> Result<TargetSession> {
    use TargetSession as T;
    let all = [T::Any, T::ReadWrite, T::ReadOnly, T::Primary, T::Standby, T::PreferStandby];
    let chosen = given.choice("target_session_attrs", &all.map(T::name))?;
    Ok(chosen.and_then(|i| all.get(i).copied()).unwrap_or(T::Any))
}

fn keepalive(given: &mut Parameters) -> Result<Keepalive> {
    // Zero asks for the system's default in libpq; evo has one of its own.
    let mut seconds = |name: &str, default: Duration| -> Result<Duration> {
        Ok(given.seconds(name)?.filter(|value| !value.is_zero()).unwrap_or(default))
    };
    let (idle, interval) =
        (seconds("keepalives_idle", KEEPALIVE.idle)?, seconds("keepalives_interval", KEEPALIVE.interval)?);
    let count = given.number("keepalives_count")?.filter(|n| *n > 0).unwrap_or(u64::from(KEEPALIVE.count));
    Ok(Keepalive {
        enabled: given.number("keepalives")? != Some(0),
        idle,
        interval,
        count: u32::try_from(count).unwrap_or(u32::MAX),
        user_timeout: given.number("tcp_user_timeout")?.map_or(KEEPALIVE.user_timeout, Duration::from_millis),
    })
}

/// An error that says how an address is written. `message` must hold nothing of the address.
fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Config, message)
        .hint("write postgresql://user:password@host:5432/database?sslmode=verify-full, or host=… dbname=… user=…")
}

/// As a URL without the password.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self.servers.iter().map(Server::to_string).collect();
        let is_known = self.password.is_some() || self.servers.iter().any(|server| server.password.is_some());
        let password = if is_known { ":***" } else { "" };
        let mode = self.protection.mode.name();
        write!(f, "postgresql://{}{password}@{}/{}?sslmode={mode}", self.user, servers.join(","), self.dbname)
    }
}

#[cfg(test)]
mod tests;
