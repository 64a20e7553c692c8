//! How a connection is protected: TLS, the server's certificate, evo's own, and how the server may ask for
//! the password.
//!
//! Except on loopback and sockets the default is `verify-full`, against the system's roots or `sslrootcert`.
//! `verify-ca` verifies the chain but not the name. `require` encrypts and, as in libpq, verifies the chain
//! only if there is a root file. `prefer`, the default on loopback and sockets, encrypts if the server can;
//! `allow` only if the server insists. Both verify nothing.

use std::path::{Path, PathBuf};

use super::parameters::Parameters;
use crate::config::environment::Environment;
use crate::error::{Error, Kind, Result};

/// Whether a connection is encrypted, and what is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted only if the server insists; not verified.
    Allow,
    /// Encrypted if the server can; not verified.
    Prefer,
    /// Encrypted; chain verified if there is a root file.
    Require,
    /// Encrypted, chain verified.
    VerifyCa,
    /// Encrypted, chain and name verified.
    VerifyFull,
}

impl SslMode {
    const ALL: [SslMode; 6] =
        [SslMode::Disable, SslMode::Allow, SslMode::Prefer, SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull];

    /// The value as libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Allow => "allow",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        }
    }

    /// Whether unencrypted connections are ruled out.
    pub fn is_strict(self) -> bool {
        matches!(self, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull)
    }
}

/// Which root certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The root certificates of the system.
    System,
    /// The root certificates in this PEM file.
    File(PathBuf),
}

/// Whether the sign-in must be tied to the TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If both sides support it.
    Prefer,
    /// Always: the server must prove that it knows the password on this connection.
    Require,
}

/// The versions of TLS that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TLS 1.2 and 1.3.
    Both,
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

/// Ways to sign in that the server may ask for (`require_auth`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredAuth {
    /// The parameter as given, for messages.
    pub text: String,
    /// Whether each of `METHODS` is allowed.
    allowed: [bool; METHODS.len()],
}

/// Names in `require_auth` with the code of the server's request:
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const METHODS: [(&str, u32); 7] =
    [("password", 3), ("md5", 5), ("gss", 7), ("sspi", 9), ("scram-sha-256", 10), ("none", 0), ("oauth", u32::MAX)];

impl RequiredAuth {
    fn read(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Config, "require_auth in the database's address is not a list of methods").hint(
                "a list of password, md5, gss, sspi, scram-sha-256, none; or of those not allowed, each with ! \
                 before it",
            )
        };
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let is_negative = text.starts_with('!');
        let mut allowed = [is_negative; METHODS.len()];
        for name in &names {
            let plain = name.strip_prefix('!');
            if plain.is_some() != is_negative {
                return Err(wrong());
            }
            let plain = plain.unwrap_or(name);
            let at = METHODS.iter().position(|(method, _)| *method == plain).ok_or_else(wrong)?;
            allowed[at] = !is_negative;
        }
        Ok(Self { text: names.join(","), allowed })
    }

    /// Whether the server may send the request with this code; 0 says that the sign-in is complete.
    pub fn allows(&self, code: u32) -> bool {
        METHODS.iter().zip(self.allowed).any(|((_, method), allowed)| *method == code && allowed)
    }
}

/// How a connection is protected.
#[derive(Debug, Clone)]
pub struct Protection {
    /// Whether the connection is encrypted, and what is verified.
    pub mode: SslMode,
    /// Whether TLS begins without asking the server first (`sslnegotiation=direct`).
    pub is_direct: bool,
    /// Which root certificates are trusted.
    pub roots: Roots,
    /// PEM file with revocation lists.
    pub crl: Option<PathBuf>,
    /// PEM files with evo's own certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whether the server's name is sent in the handshake (SNI).
    pub sends_name: bool,
    /// The versions of TLS that are allowed.
    pub protocol: Protocol,
    /// Whether the sign-in must be tied to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Ways to sign in that the server may ask for; `None` allows all.
    pub auth: Option<RequiredAuth>,
}

impl Protection {
    /// Reads its parameters, and removes them from `given`.
    ///
    /// # Errors
    /// `Config` that names the parameter.
    pub(super) fn read(given: &mut Parameters, is_local: bool, environment: &Environment) -> Result<Self> {
        let home = environment.get("HOME").map(|home| Path::new(home).join(".postgresql"));
        let at_home = |name: &str| home.as_ref().map(|home| home.join(name)).filter(|path| path.is_file());
        let rootcert = given.take("sslrootcert");
        let roots = match rootcert.as_deref() {
            Some("system") => Roots::System,
            Some(path) => Roots::File(path.into()),
            None => at_home("root.crt").map_or(Roots::System, Roots::File),
        };
        let wants_system = rootcert.as_deref() == Some("system");
        let default = if is_local && !wants_system { SslMode::Prefer } else { SslMode::VerifyFull };
        let mode = given.choice("sslmode", &SslMode::ALL.map(SslMode::name))?.map_or(default, |i| SslMode::ALL[i]);
        if wants_system && mode != SslMode::VerifyFull {
            return Err(Error::new(
                Kind::Config,
                format!("sslrootcert=system is refused with sslmode={}", mode.name()),
            )
            .hint("anyone can get a certificate that the system trusts: use sslmode=verify-full"));
        }
        let is_direct = given.choice("sslnegotiation", &["postgres", "direct"])? == Some(1);
        if is_direct && !mode.is_strict() {
            return Err(Error::new(
                Kind::Config,
                format!("sslnegotiation=direct is refused with sslmode={}", mode.name()),
            )
            .hint("use sslmode=require, verify-ca or verify-full"));
        }
        let binding = given.choice("channel_binding", &["disable", "prefer", "require"])?;
        Ok(Self {
            mode,
            is_direct,
            roots,
            crl: given.take("sslcrl").map(PathBuf::from).or_else(|| at_home("root.crl")),
            certificate: certificate(given, &at_home)?,
            sends_name: given.number("sslsni")? != Some(0),
            protocol: protocol(given)?,
            channel_binding: match binding {
                Some(0) => ChannelBinding::Disable,
                Some(2) => ChannelBinding::Require,
                _ => ChannelBinding::Prefer,
            },
            auth: given.take("require_auth").as_deref().map(RequiredAuth::read).transpose()?,
        })
    }
}

fn certificate(
    given: &mut Parameters,
    at_home: &dyn Fn(&str) -> Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>> {
    let mode = given.choice("sslcertmode", &["disable", "allow", "require"])?;
    let certificate = given.take("sslcert").map(PathBuf::from).or_else(|| at_home("postgresql.crt"));
    let key = given.take("sslkey").map(PathBuf::from).or_else(|| at_home("postgresql.key"));
    match (mode, certificate, key) {
        (Some(2), ..) => Err(Error::new(Kind::Config, "sslcertmode=require is refused").hint(
            "evo cannot see whether the server asked for its certificate; use allow here, and cert in pg_hba.conf",
        )),
        (Some(0), ..) | (_, None, _) => Ok(None),
        (_, Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (_, Some(_), None) => {
            Err(Error::new(Kind::Config, "the database's address has an sslcert without its key")
                .hint("add sslkey=FILE"))
        }
    }
}

fn protocol(given: &mut Parameters) -> Result<Protocol> {
    const VERSIONS: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let least = given.choice("ssl_min_protocol_version", &VERSIONS)?;
    match (least, given.choice("ssl_max_protocol_version", &VERSIONS)?) {
        (_, Some(0 | 1)) => Err(Error::new(Kind::Config, "ssl_max_protocol_version is refused")
            .hint("evo speaks TLS 1.2 and 1.3: use TLSv1.2 or TLSv1.3")),
        (Some(3), Some(2)) => Err(Error::new(
            Kind::Config,
            "ssl_min_protocol_version is above ssl_max_protocol_version in the database's address",
        )),
        (Some(3), _) => Ok(Protocol::Tls13),
        (_, Some(2)) => Ok(Protocol::Tls12),
        _ => Ok(Protocol::Both),
    }
}
