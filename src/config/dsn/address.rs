//! The address of one or several servers of one database.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::keepalive::{self, Keepalive};
use super::parameters::Parameters;
use super::protection::Protection;
use super::server::{self, Server};
use super::target::{self, TargetSession};
use super::{parse, password_file};
use crate::config::environment::Environment;
use crate::error::Result;

/// The address of one or several servers of one database.
#[derive(Debug, Clone)]
pub struct Dsn {
    /// The servers in the order in which they are tried. Never empty.
    pub servers: Vec<Server>,
    /// The role that signs in.
    pub user: String,
    /// Its password, if the address or the environment has one.
    password: Option<SecretString>,
    /// Name of the database.
    pub dbname: String,
    /// TLS, certificates, and how the server may ask for the password.
    pub protection: Protection,
    /// How long one attempt to connect may take; zero for no limit.
    pub connect_timeout: Duration,
    /// How long the server may be silent before it is asked over another connection whether it still works.
    pub stall_timeout: Duration,
    /// How long a statement may wait for a lock that another session holds.
    pub lock_wait: Duration,
    /// Which of the servers will do.
    pub target: TargetSession,
    /// Whether servers and addresses are tried in random order.
    pub balances_load: bool,
    /// How the kernel notices a lost host.
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
    /// Reads an address without an environment.
    ///
    /// # Errors
    /// `Config` that says what is not understood. It repeats no part of the address, which might be part of a
    /// password.
    pub fn parse(text: &str) -> Result<Self> {
        Self::resolve(text, &Environment::default())
    }

    /// Reads an address. What it leaves out comes from the service file, libpq's variables and the password
    /// file.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub fn resolve(text: &str, environment: &Environment) -> Result<Self> {
        Self::from_parameters(parse::parameters(text)?, environment)
    }

    /// Reads the predecessor's variables `PG_HOST`, `PG_PORT`, `PG_DATABASE`, `PG_USER`, `PG_PASSWORD` and
    /// `PG_SSLMODE`. What they leave out comes from where libpq finds it.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub(in crate::config) fn of_predecessor(environment: &Environment) -> Result<Self> {
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
        let mut servers = server::read(&mut given)?;
        let user = given.take("user").or_else(|| environment.os_user.clone()).unwrap_or_else(|| "postgres".to_owned());
        let dbname = given.take("dbname").unwrap_or_else(|| user.clone());
        let is_local = servers.iter().all(|server| server::is_local(&server.host, server.address));
        let protection = Protection::read(&mut given, is_local, environment)?;
        let password = given.take("password").map(SecretString::from);
        let passfile = given.take("passfile");
        if password.is_none() {
            password_file::find_passwords(passfile, environment, &mut servers, (&dbname, &user));
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
            target: target::read(&mut given)?,
            balances_load: given.choice("load_balance_hosts", &["disable", "random"])? == Some(1),
            keepalive: keepalive::read(&mut given)?,
            options: given.take("options"),
        };
        Ok(dsn)
    }

    /// The password for a server of this address; `None` when there is none.
    pub fn password<'a>(&'a self, server: &'a Server) -> Option<&'a str> {
        self.password.as_ref().or(server.password.as_ref()).map(ExposeSecret::expose_secret)
    }

    /// The servers as a person writes them: `a:5432, b:5432`.
    pub fn shown_servers(&self) -> String {
        self.servers.iter().map(Server::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A URL with `***` instead of the password.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self.servers.iter().map(Server::to_string).collect();
        let is_known = self.password.is_some() || self.servers.iter().any(|server| server.password.is_some());
        let password = if is_known { ":***" } else { "" };
        let mode = self.protection.mode.name();
        write!(f, "postgresql://{}{password}@{}/{}?sslmode={mode}", self.user, servers.join(","), self.dbname)
    }
}
