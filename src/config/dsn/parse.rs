//! libpq's two syntaxes: a URL, and `key=value` pairs.

use super::parameters::{self, Parameters};
use super::wrong;
use crate::error::{Error, Kind, Result};

/// The way out when a delimiter stands inside of a user's name or a password.
pub(super) const ESCAPES: &str = "in a URL write %2F for /, %3F for ?, %23 for #, %40 for @, %3A for : and %25 for % \
                                  inside of user, password and database; or give the password in PGPASSWORD";

/// The parameters of an address in either syntax.
///
/// # Errors
/// `Config`, with nothing of the text.
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

/// What follows the scheme. Credentials end at the last `@` that stands before any `/`, and before the parameters.
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
            // What looks like a parameter may be the rest of a password with a ? in it.
            _ if query.contains('@') && !parameters::is_known(&name) => {
                return Err(refused(
                    "the database's URL has a parameter that evo does not know, and an @ behind its ?",
                ));
            }
            _ => found.put(&name, value),
        }
    }
    Ok(found)
}

/// The parameters begin at the first `?` behind the credentials, in which a `?` may stand as it is.
fn split_off_query(text: &str) -> (&str, &str) {
    let authority = text.find('/').map_or(text, |at| &text[..at]);
    let credentials = match (authority.find('@'), authority.find('?')) {
        // As libpq, which looks for the first @ only; a further one before any ? belongs to the credentials too.
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
            true => Err(refused("the database's URL has a : too many")),
            false => Ok((name, port)),
        };
    };
    let (name, rest) = rest.split_once(']').ok_or_else(|| wrong("an IPv6 address in the database's URL has no ]"))?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((name, port)),
        None if rest.is_empty() => Ok((name, "")),
        None => Err(wrong("an IPv6 address in the database's URL is followed by something that is no port")),
    }
}

fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            let pair = digits.and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
            let pair = pair.filter(|byte| *byte != 0);
            bytes.push(pair.ok_or_else(|| refused("the database's URL has a broken percent escape"))?);
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
    let mut found = Parameters::default();
    let mut chars = text.chars().peekable();
    // What follows an unquoted password may be the rest of it.
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
                .detail("a value with a space stands in single quotes, with \\ before ' and \\: password='a b\\'c'"));
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
            return Err(wrong("the database's address has a parameter that evo does not know")
                .detail("it follows a password without quotes: if it is a part of it, write password='…'"));
        }
        may_be_secret |= name == "password" && !quoted;
        found.put(&name, value);
    }
}
