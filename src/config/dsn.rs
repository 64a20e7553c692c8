//! The address of a PostgreSQL server, in libpq's two syntaxes, free of any driver.
//!
//! This layer exists because the driver knows neither `verify-full` nor `sslrootcert`, reads no `PG*` variable and no
//! password file. Reference: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>.
//!
//! TLS: off loopback the default is `verify-full`, against the system's roots or `sslrootcert`. `verify-ca` verifies
//! the chain but not the name. `require` encrypts and, as in libpq, verifies the chain only where `sslrootcert` is
//! given; `prefer` (the default on loopback and sockets) and `allow` encrypt where the server can, unverified.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::environment::Environment;
use crate::error::{Error, Kind, Result};

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server can; not verified.
    Prefer,
    /// Encrypted; verified against `sslrootcert` where given.
    Require,
    /// Encrypted, chain verified.
    VerifyCa,
    /// Encrypted, chain and name verified.
    VerifyFull,
}

/// Which of several servers will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSession {
    /// Any that answers.
    Any,
    /// One that takes writes.
    ReadWrite,
    /// A standby.
    ReadOnly,
}

/// The address of a server.
#[derive(Debug, Clone)]
pub struct Dsn {
    /// Host names, addresses or socket directories, with ports, in the order in which they are tried.
    pub hosts: Vec<(String, u16)>,
    /// Role.
    pub user: String,
    /// Its password, where one is known.
    pub password: Option<SecretString>,
    /// Database.
    pub dbname: String,
    /// TLS.
    pub sslmode: SslMode,
    /// PEM file with the roots to trust instead of the system's.
    pub sslrootcert: Option<PathBuf>,
    /// How long one attempt may take.
    pub connect_timeout: Duration,
    /// How long the server may keep silent before it is asked over another connection whether it still works.
    pub stall_timeout: Duration,
    /// Which server will do.
    pub target: TargetSession,
    /// Server options (`-c name=value`).
    pub options: Option<String>,
}

/// The default of [`Dsn::stall_timeout`].
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// libpq's variables and the parameters they stand for.
const VARIABLES: [(&str, &str); 12] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGOPTIONS", "options"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
];

/// Parameters that libpq knows and that change nothing here.
const IGNORED: [&str; 10] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "gssencmode",
    "channel_binding",
];

impl Dsn {
    /// Reads an address alone.
    ///
    /// # Errors
    /// `Config` with what is not understood; never with the address, which may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        Self::resolve(text, &Environment::default())
    }

    /// Reads an address; what it leaves open comes from libpq's variables and the password file.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub fn resolve(text: &str, environment: &Environment) -> Result<Self> {
        let mut parameters = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            from_url(text)?
        } else {
            from_pairs(text)?
        };
        for (variable, parameter) in VARIABLES {
            if let Some(value) = environment.get(variable) {
                parameters.entry(parameter.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        build(parameters, environment)
    }

    /// The predecessor's `PG_HOST PG_PORT PG_DATABASE PG_USER PG_PASSWORD PG_SSLMODE`.
    ///
    /// # Errors
    /// As [`Dsn::parse`].
    pub(super) fn of_predecessor(environment: &Environment) -> Result<Self> {
        let names = ["host", "port", "database", "user", "password", "sslmode"];
        let parameters = names
            .into_iter()
            .filter_map(|name| {
                let value = environment.get(&format!("PG_{}", name.to_uppercase()))?;
                let parameter = if name == "database" { "dbname" } else { name };
                Some((parameter.to_owned(), value.to_owned()))
            })
            .collect();
        build(parameters, environment)
    }
}

type Parameters = BTreeMap<String, String>;

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Config, message)
        .hint("write postgresql://user:password@host:5432/database?sslmode=verify-full, or host=… dbname=… user=…")
}

fn from_url(text: &str) -> Result<Parameters> {
    // The URL crate knows one host only; several are cut out and put back.
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, tail) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let (credentials, hosts) = authority.rsplit_once('@').map_or((None, authority), |(c, h)| (Some(c), h));
    let plain = format!("{scheme}://{}h{tail}", credentials.map_or(String::new(), |c| format!("{c}@")));
    let url = Url::parse(&plain).map_err(|_| wrong("the database's URL is not understood"))?;
    let mut parameters = Parameters::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), value);
        }
    };
    put("user", decoded(url.username())?);
    put("password", decoded(url.password().unwrap_or_default())?);
    put("dbname", decoded(url.path().trim_start_matches('/'))?);
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',').filter(|_| !hosts.is_empty()) {
        let (name, port) = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((v6, port)) => (v6, port.trim_start_matches(':')),
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decoded(name)?);
        ports.push(port.to_owned());
    }
    put("host", names.join(","));
    if ports.iter().any(|p| !p.is_empty()) {
        put("port", ports.join(","));
    }
    for (name, value) in url.query_pairs() {
        put(&name, value.into_owned());
    }
    Ok(parameters)
}

fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let pair =
                tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
            bytes.push(pair.ok_or_else(|| wrong("the database's URL has a broken percent escape"))?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("the database's URL is not UTF-8"))
}

/// `key = value` pairs; a value may stand in single quotes, with `\'` and `\\` inside.
fn from_pairs(text: &str) -> Result<Parameters> {
    let mut parameters = Parameters::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(parameters);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            return Err(wrong("the database's address is neither a URL nor key=value pairs"));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => break,
                None if quoted => return Err(wrong(format!("the quote of {name} is not closed"))),
                Some(c) if quoted || !c.is_whitespace() => value.push(c),
                Some(_) | None => break,
            }
        }
        parameters.insert(name, value);
    }
}

fn build(mut parameters: Parameters, environment: &Environment) -> Result<Dsn> {
    let mut take = |name: &str| parameters.remove(name).filter(|value| !value.is_empty());
    // An address saves the look-up; the name is then only for messages and certificates, which need it: keep the name.
    let addresses = take("hostaddr");
    let hosts = take("host").or(addresses).unwrap_or_else(|| "localhost".to_owned());
    let ports = take("port").unwrap_or_else(|| "5432".to_owned());
    let user = take("user").or_else(|| environment.os_user.clone()).unwrap_or_else(|| "postgres".to_owned());
    let dbname = take("dbname").unwrap_or_else(|| user.clone());
    let password = take("password");
    let passfile = take("passfile");
    let hosts = pair(&hosts, &ports)?;
    let local = hosts.iter().all(|(host, _)| is_local(host));
    let sslmode = match take("sslmode").as_deref() {
        None => {
            if local {
                SslMode::Prefer
            } else {
                SslMode::VerifyFull
            }
        }
        Some("disable") => SslMode::Disable,
        Some("allow" | "prefer") => SslMode::Prefer,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(other) => {
            return Err(Error::new(Kind::Config, format!("unknown sslmode {other:?}"))
                .hint("one of disable, prefer, require, verify-ca, verify-full"));
        }
    };
    let target = match take("target_session_attrs").as_deref() {
        None | Some("any") => TargetSession::Any,
        Some("read-write" | "primary") => TargetSession::ReadWrite,
        Some("read-only" | "standby") => TargetSession::ReadOnly,
        Some(other) => {
            return Err(Error::new(Kind::Config, format!("target_session_attrs {other:?} is not supported"))
                .hint("one of any, read-write, primary, read-only, standby"));
        }
    };
    let connect_timeout = match take("connect_timeout") {
        None => Duration::from_secs(10),
        Some(text) => {
            Duration::from_secs(text.parse().map_err(|_| wrong("connect_timeout is not a number of seconds"))?)
        }
    };
    let sslrootcert = take("sslrootcert").filter(|path| path != "system").map(PathBuf::from);
    let options = take("options");
    if let Some(name) = parameters.keys().find(|name| !IGNORED.contains(&name.as_str())) {
        return Err(wrong(format!("the database's address has the parameter {name:?}, which evo does not know")));
    }
    let password = password.map(SecretString::from).or_else(|| {
        let file =
            passfile.map(PathBuf::from).or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".pgpass")))?;
        from_password_file(&file, &hosts, &dbname, &user)
    });
    let stall_timeout = STALL_TIMEOUT;
    Ok(Dsn { hosts, user, password, dbname, sslmode, sslrootcert, connect_timeout, stall_timeout, target, options })
}

fn pair(hosts: &str, ports: &str) -> Result<Vec<(String, u16)>> {
    let ports: Vec<&str> = ports.split(',').collect();
    let port = |i: usize| -> Result<u16> {
        match ports.get(i).or(ports.first().filter(|_| ports.len() == 1)).copied().unwrap_or("") {
            "" => Ok(5432),
            text => text.trim().parse().map_err(|_| wrong(format!("{text:?} is not a port"))),
        }
    };
    hosts.split(',').enumerate().map(|(i, host)| Ok((host.trim().to_owned(), port(i)?))).collect()
}

fn is_local(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The first line of libpq's password file that fits. A file that others may read is ignored, as libpq does.
fn from_password_file(
    path: &std::path::Path,
    hosts: &[(String, u16)],
    dbname: &str,
    user: &str,
) -> Option<SecretString> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "password file is ignored: others may read it (chmod 0600)");
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let (host, port) = hosts.first()?;
    let host = if host.starts_with('/') { "localhost" } else { host };
    let wanted = [host, &port.to_string(), dbname, user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let fits = fields.len() == 5 && fields.iter().zip(wanted).all(|(field, want)| field == "*" || field == want);
        fits.then(|| SecretString::from(fields[4].clone()))
    })
}

/// Fields between colons; a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' if fields.len() < 4 => fields.push(std::mem::take(&mut field)),
            '\\' => field.extend(chars.next()),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

impl Dsn {
    /// Whether TLS is spoken where the server can: not over sockets, and not when it is switched off.
    pub fn is_encrypted(&self) -> bool {
        self.sslmode != SslMode::Disable && !self.hosts.iter().all(|(host, _)| host.starts_with('/'))
    }

    /// The password, for the driver.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(ExposeSecret::expose_secret)
    }
}

/// As a URL without the password.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let mode = match self.sslmode {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        };
        let password = if self.password.is_some() { ":***" } else { "" };
        write!(f, "postgresql://{}{password}@{}/{}?sslmode={mode}", self.user, hosts.join(","), self.dbname)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_pairs_are_read_as_libpq_reads_them() {
        for (text, shown) in [
            ("postgresql://u:p%40ss@db.example:6432/w", "postgresql://u:***@db.example:6432/w?sslmode=verify-full"),
            ("postgres://u@127.0.0.1/w", "postgresql://u@127.0.0.1:5432/w?sslmode=prefer"),
            (
                "postgresql://u@a:1,b:2/w?target_session_attrs=read-write&sslmode=require",
                "postgresql://u@a:1,b:2/w?sslmode=require",
            ),
            ("postgresql://u@[::1]:5433/w", "postgresql://u@::1:5433/w?sslmode=prefer"),
            ("host=db port=6432 user=u dbname=w password='it''s'", "error"),
            (
                "host=db user = u dbname='my db' password='it\\'s'",
                "postgresql://u:***@db:5432/my db?sslmode=verify-full",
            ),
            ("host=/run/postgresql user=u", "postgresql://u@/run/postgresql:5432/u?sslmode=prefer"),
            ("postgresql://u@db/w?sslmode=never", "error"),
            ("postgresql://u@db:x/w", "error"),
            ("postgresql://u@db/w?colour=red", "error"),
            ("db.example", "error"),
        ] {
            let found = Dsn::parse(text).map_or_else(|_| "error".to_owned(), |dsn| dsn.to_string());
            assert_eq!(found, shown, "{text}");
        }
        let dsn = Dsn::parse("postgresql://u:p%40ss@db/w").unwrap();
        assert_eq!(dsn.password(), Some("p@ss"));
    }

    #[test]
    fn what_the_address_leaves_open_comes_from_the_environment() {
        let environment = Environment::from([("PGPASSWORD", "s3cret"), ("PGUSER", "env"), ("PGSSLMODE", "disable")]);
        let dsn = Dsn::resolve("postgresql://u@db/w", &environment).unwrap();
        assert_eq!((dsn.user.as_str(), dsn.password(), dsn.sslmode), ("u", Some("s3cret"), SslMode::Disable));
    }

    #[test]
    fn the_password_file_is_read_only_when_nobody_else_can() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        std::fs::write(&path, "# comment\nother:*:*:*:no\ndb:5432:w:u:a\\:b\n").unwrap();
        let environment = Environment::from([("PGPASSFILE", path.to_str().unwrap())]);
        let password = || Dsn::resolve("postgresql://u@db/w", &environment).unwrap().password().map(str::to_owned);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(password(), None);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password().as_deref(), Some("a:b"));
    }

    #[test]
    fn no_error_repeats_the_password() {
        for text in
            ["postgresql://u:hunter2@db:x/w", "host=db password=hunter2 colour=red", "host=db password='hunter2"]
        {
            let error = Dsn::parse(text).unwrap_err();
            assert!(!error.render().contains("hunter2"), "{}", error.render());
        }
    }
}
