//! libpq's two syntaxes: a URL, and `key=value` pairs.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::parameters::{self, Parameters};
use super::wrong::{ESCAPES, wrong};
use crate::error::{Error, Kind, Result};

/// The parameters of an address in either syntax.
///
/// # Errors
/// `Config`, which repeats nothing of the text.
pub(super) fn parameters(text: &str) -> Result<Parameters> {
    let text = text.trim_start();
    match ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => from_url(rest),
        None => from_pairs(text),
    }
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Config, message).hint(ESCAPES)
}

/// Reads what follows the scheme. The credentials end at the last `@` before any `/` and before the
/// parameters.
fn from_url(text: &str) -> Result<Parameters> {
    let (head, query) = split_off_query(text);
    let (authority, dbname) = head.split_once('/').unwrap_or((head, ""));
    if dbname.contains('@') {
        return Err(refused("the database's URL has a / before its @"));
    }
    let (credentials, hosts) = authority.rsplit_once('@').map_or((None, authority), |(c, h)| (Some(c), h));
    let mut found = Parameters::default();
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        found.put("user", decoded(user)?);
        found.put("password", decoded(password)?);
    }
    found.put("dbname", decoded(dbname)?);
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = host_and_port(host)?;
        names.push(decoded(name)?);
        ports.push(port);
    }
    if names.iter().any(|name| !name.is_empty()) {
        found.put("host", names.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        found.put("port", ports.join(","));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| refused("a parameter of the database's URL has no ="))?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        match (name.as_str(), value.as_str()) {
            // As JDBC writes it; libpq takes it too.
            ("ssl", "true") => found.put("sslmode", "require".to_owned()),
            // This may be no parameter at all, but the rest of a password that contains a ?.
            _ if query.contains('@') && !parameters::is_known(&name) => {
                return Err(refused("the database's URL has an unknown parameter, and an @ after its ?"));
            }
            _ => found.put(&name, value),
        }
    }
    Ok(found)
}

/// The parameters begin at the first `?` after the credentials, which may contain a literal `?`.
fn split_off_query(text: &str) -> (&str, &str) {
    let authority = text.find('/').map_or(text, |at| &text[..at]);
    let credentials = match (authority.find('@'), authority.find('?')) {
        // Like libpq, look for the first @ only; a further one before any ? belongs to the credentials too.
        (Some(first), _) => {
            let hosts = &authority[first + 1..];
            let hosts = hosts.find('?').map_or(hosts, |at| &hosts[..at]);
            first + 1 + hosts.rfind('@').map_or(0, |at| at + 1)
        }
        (None, _) => 0,
    };
    match text[credentials..].find('?') {
        Some(at) => (&text[..credentials + at], &text[credentials + at + 1..]),
        None => (text, ""),
    }
}

fn host_and_port(host: &str) -> Result<(&str, &str)> {
    let Some(rest) = host.strip_prefix('[') else {
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        return match port.contains(':') {
            true => Err(refused("the database's URL has one : too many")),
            false => Ok((name, port)),
        };
    };
    let (name, rest) = rest.split_once(']').ok_or_else(|| wrong("an IPv6 address in the database's URL has no ]"))?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((name, port)),
        None if rest.is_empty() => Ok((name, "")),
        None => Err(wrong("an IPv6 address in the database's URL is followed by something that is not a port")),
    }
}

fn decoded(text: &str) -> Result<String> {
    // Like libpq, and unlike the library, refuse what is not two hexadecimal digits, and %00.
    let is_escape = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(refused("the database's URL has a broken percent escape"));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| wrong("the database's URL is not UTF-8"))
}

/// Reads `key = value` pairs; a value may be in single quotes, with `\'` and `\\` inside.
fn from_pairs(text: &str) -> Result<Parameters> {
    let mut found = Parameters::default();
    let mut chars = text.chars().peekable();
    // The text after an unquoted password may be the rest of the password.
    let mut may_be_secret = text.contains("://");
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(found);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| !c.is_whitespace() && *c != '=') {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next() != Some('=') {
            return Err(wrong("the database's address is neither a URL nor key=value pairs")
                .detail("a value with a space needs single quotes, with \\ before ' and \\: password='a b\\'c'"));
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => break,
                None if quoted => return Err(wrong("a quote in the database's address is not closed")),
                Some(c) if quoted || !c.is_whitespace() => value.push(c),
                Some(_) | None => break,
            }
        }
        if may_be_secret && !parameters::is_known(&name) {
            return Err(wrong("the database's address has an unknown parameter")
                .detail("it follows an unquoted password: if it is part of the password, write password='…'"));
        }
        may_be_secret |= name == "password" && !quoted;
        found.put(&name, value);
    }
}
