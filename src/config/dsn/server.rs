//! The servers of an address: hosts, addresses and ports.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;

use super::parameters::Parameters;
use super::wrong::{ESCAPES, wrong};
use crate::error::Result;

/// One of the servers of an address.
#[derive(Debug, Clone)]
pub struct Server {
    /// Host name, IP address or folder of a socket, as certificates and the password file name it.
    pub host: String,
    /// The address to connect to instead of resolving `host` (`hostaddr`).
    pub address: Option<IpAddr>,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// The password that the password file has for this server.
    pub(super) password: Option<SecretString>,
}

impl Server {
    /// Whether it is reached over a Unix socket.
    pub fn is_socket(&self) -> bool {
        self.address.is_none() && self.host.starts_with('/')
    }

    /// Whether it is on this machine, as far as its address says: a Unix socket, or a loopback address.
    pub fn is_local(&self) -> bool {
        let address = self.address.or_else(|| self.host.parse().ok());
        self.is_socket() || self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
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

/// Reads `host`, `hostaddr` and `port`, each a list; localhost and 5432 without them. Never empty.
///
/// # Errors
/// `Config` when the lists do not fit each other or an entry is not understood.
pub(super) fn read(given: &mut Parameters) -> Result<Vec<Server>> {
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
                _ => Err(wrong("a port in the database's address is not a number from 1 to 65535").hint(ESCAPES)),
            })?;
            // A part of a password may have ended up here, and must not be shown.
            let is_host = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
            if !host.starts_with('/') && !host.chars().all(is_host) {
                return Err(wrong("a host in the database's address is not a name").hint(ESCAPES));
            }
            Ok(Server { host, address, port, password: None })
        })
        .collect()
}

/// Whether a server is reached without a network.
pub(super) fn is_local(host: &str, address: Option<IpAddr>) -> bool {
    match address {
        Some(address) => address.is_loopback(),
        None => host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    }
}
