//! libpq's parameters: their variables, those without effect here, and those that evo refuses, with the
//! reason.
//!
//! Any other parameter is a typo and refused. No parameter that protects the connection is ignored: an
//! operator who asks for it gets it, or an error.

use std::collections::BTreeMap;
use std::time::Duration;

use super::service_file;
use crate::config::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::suggest::did_you_mean;

/// libpq's variables and the parameters they stand for.
const VARIABLES: [(&str, &str); 31] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGOPTIONS", "options"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLSNI", "sslsni"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGKRBSRVNAME", "krbsrvname"),
    ("PGGSSLIB", "gsslib"),
    ("PGGSSDELEGATION", "gssdelegation"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGMINPROTOCOLVERSION", "min_protocol_version"),
    ("PGMAXPROTOCOLVERSION", "max_protocol_version"),
];

/// Parameters that are obeyed.
const READ: [&str; 31] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "service",
    "servicefile",
    "require_auth",
    "channel_binding",
    "options",
    "sslmode",
    "requiressl",
    "sslnegotiation",
    "sslcert",
    "sslkey",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "connect_timeout",
    "target_session_attrs",
    "load_balance_hosts",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// Parameters without effect here, and harmless: evo names its own connections, always uses UTF-8, and asks
/// neither for Kerberos tickets nor for compression.
const WITHOUT_EFFECT: [&str; 9] = [
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "sslcompression",
    "tty",
    "authtype",
];

/// Parameters that are refused unless they have one of these values, and what to do instead.
const REFUSED: [(&str, &[&str], &str); 15] = [
    ("gssencmode", &["disable", "prefer"], "evo has no GSSAPI encryption; encrypt with sslmode"),
    ("replication", &["false", "off", "no", "0"], "a replication connection takes no ordinary SQL; leave it out"),
    (
        "requirepeer",
        &[],
        "evo does not check who owns a socket; leave it out, or connect over TCP with sslmode=verify-full",
    ),
    ("sslcrldir", &[], "evo reads revocation lists from one file; name it with sslcrl"),
    ("sslpassword", &[], "evo reads no encrypted keys; decrypt it with `openssl pkey -in KEY -out PLAIN`, mode 0600"),
    ("sslkeylogfile", &[], "evo writes no TLS secrets to a file; leave it out"),
    ("scram_client_key", &[], "evo signs in with a password; give the password instead"),
    ("scram_server_key", &[], "evo signs in with a password; give the password instead"),
    ("min_protocol_version", &["3.0"], "evo speaks version 3.0 of the protocol; leave it out"),
    ("max_protocol_version", &["3.0", "3.2", "latest"], "evo speaks version 3.0 of the protocol; leave it out"),
    ("oauth_issuer", &[], "evo does not sign in with OAuth; give user and password"),
    ("oauth_client_id", &[], "evo does not sign in with OAuth; give user and password"),
    ("oauth_client_secret", &[], "evo does not sign in with OAuth; give user and password"),
    ("oauth_scope", &[], "evo does not sign in with OAuth; give user and password"),
    ("pgbouncer", &[], "not a parameter of libpq; evo works behind PgBouncer without it: leave it out"),
];

/// Whether libpq or evo knows a parameter of this name.
pub(super) fn is_known(name: &str) -> bool {
    READ.contains(&name) || WITHOUT_EFFECT.contains(&name) || REFUSED.iter().any(|(refused, ..)| *refused == name)
}

/// Parameters with their values; an empty value counts as none.
#[derive(Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// The parameters of an address, as they were given.
    pub(super) fn new(given: BTreeMap<String, String>) -> Self {
        Self(given)
    }

    pub(super) fn put(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// Removes a parameter and returns its value.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Adds what is missing: from the service, then from libpq's variables.
    ///
    /// # Errors
    /// `Config` when the named service does not exist, as in libpq.
    pub(super) fn complete(&mut self, environment: &Environment) -> Result<()> {
        let service = self.take("service").or_else(|| environment.get("PGSERVICE").map(str::to_owned));
        let file = self.take("servicefile");
        if let Some(service) = service {
            for (name, value) in service_file::service(&service, file, environment)? {
                self.0.entry(name).or_insert(value);
            }
        }
        for (variable, parameter) in VARIABLES {
            if let Some(value) = environment.get(variable) {
                self.0.entry(parameter.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        let requires_ssl = self.take("requiressl").or_else(|| environment.get("PGREQUIRESSL").map(str::to_owned));
        if requires_ssl.is_some_and(|value| value.starts_with('1')) {
            self.0.entry("sslmode".to_owned()).or_insert_with(|| "require".to_owned());
        }
        Ok(())
    }

    /// Refuses parameters that evo does not know or does not support, and removes those without effect.
    ///
    /// # Errors
    /// `Config` that names the parameter.
    pub(super) fn refuse(&mut self) -> Result<()> {
        for name in WITHOUT_EFFECT {
            self.0.remove(name);
        }
        for (name, harmless, why) in REFUSED {
            match self.0.remove(name) {
                Some(value) if !harmless.contains(&value.as_str()) => {
                    let message = format!("the parameter {name} of the database's address is refused");
                    return Err(Error::new(Kind::Config, message).hint(why));
                }
                Some(_) | None => {}
            }
        }
        let Some(name) = self.0.keys().find(|name| !READ.contains(&name.as_str())) else { return Ok(()) };
        let is_plain = name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let shown = if is_plain { format!(" {name:?}") } else { String::new() };
        let message = format!("the database's address has an unknown parameter{shown}");
        Err(Error::new(Kind::Config, message).hint(match did_you_mean(name, READ) {
            Some(near) => format!("did you mean {near}?"),
            None => "docs/configuration.md lists the parameters that evo takes".to_owned(),
        }))
    }

    /// The position of the parameter's value among the allowed ones; `None` when it was not given.
    ///
    /// # Errors
    /// `Config` that names the parameter and its values.
    pub(super) fn choice(&mut self, name: &str, allowed: &[&str]) -> Result<Option<usize>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        allowed.iter().position(|word| *word == value).map(Some).ok_or_else(|| {
            Error::new(Kind::Config, format!("{name} in the database's address has an unknown value"))
                .hint(format!("one of {}", allowed.join(", ")))
        })
    }

    /// A whole number; `None` when it was not given, or is negative, which means the default in libpq too.
    ///
    /// # Errors
    /// `Config` that names the parameter.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.trim().parse::<i64>() {
            Ok(number) => Ok(u64::try_from(number).ok()),
            Err(_) => Err(Error::new(Kind::Config, format!("{name} in the database's address is not a whole number"))),
        }
    }

    /// A number of seconds; `None` as for [`Parameters::number`].
    ///
    /// # Errors
    /// As [`Parameters::number`].
    pub(super) fn seconds(&mut self, name: &str) -> Result<Option<Duration>> {
        Ok(self.number(name)?.map(Duration::from_secs))
    }
}
