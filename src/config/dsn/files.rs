//! libpq's password file and service file.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::server::Server;
use super::wrong::wrong;
use crate::config::environment::Environment;
use crate::error::{Error, Kind, Result};

/// Folders of libpq's settings for the whole machine.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc"];

/// Gives each server the password of the first matching line of the password file. Like libpq, ignores a file
/// that others may read.
pub(super) fn find_passwords(
    given: Option<String>,
    environment: &Environment,
    servers: &mut [Server],
    (dbname, user): (&str, &str),
) {
    let at_home = || Some(Path::new(environment.get("HOME")?).join(".pgpass"));
    let Some(path) = given.map(PathBuf::from).or_else(at_home) else { return };
    let Ok(found) = std::fs::metadata(&path) else { return };
    if !found.is_file() {
        tracing::warn!(file = %path.display(), "password file is ignored: it is not a plain file");
        return;
    }
    if found.mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "password file is ignored: others may read it (chmod 0600)");
        return;
    }
    let Ok(text) = std::fs::read_to_string(&path) else { return };
    let lines: Vec<Vec<String>> = text.lines().filter(|line| !line.starts_with('#')).map(fields).collect();
    for server in servers {
        let host = if server.is_socket() { "localhost" } else { &server.host };
        let wanted = [host, &server.port.to_string(), dbname, user];
        let fits = |fields: &&Vec<String>| {
            fields.len() == 5 && fields.iter().zip(wanted).all(|(field, want)| field == "*" || field == want)
        };
        server.password = lines.iter().find(fits).map(|fields| SecretString::from(fields[4].clone()));
    }
}

/// Splits a line at colons; a backslash makes the next character literal.
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

/// The parameters of a service, from the given file, else the user's, else the machine's.
///
/// # Errors
/// `Config` when no file has the service or a line is not understood.
pub(super) fn service(name: &str, file: Option<String>, environment: &Environment) -> Result<Vec<(String, String)>> {
    let of_user = file.or_else(|| environment.get("PGSERVICEFILE").map(str::to_owned)).map(PathBuf::from);
    let of_user = of_user.or_else(|| Some(Path::new(environment.get("HOME")?).join(".pg_service.conf")));
    let folders: Vec<&str> = match environment.get("PGSYSCONFDIR") {
        Some(folder) => vec![folder],
        None => SYSTEM_FOLDERS.to_vec(),
    };
    let of_machine = folders.iter().map(|folder| Path::new(folder).join("pg_service.conf"));
    let mut looked_in = Vec::new();
    for path in of_user.into_iter().chain(of_machine) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(found) = section(&text, name, &path)? {
            return Ok(found);
        }
        looked_in.push(path.display().to_string());
    }
    let error = Error::new(Kind::Config, "the service named by the database's address or PGSERVICE is not found");
    let error = match looked_in.is_empty() {
        true => error.detail("there is no service file"),
        false => error.detail(format!("looked in {}", looked_in.join(", "))),
    };
    Err(error.hint("add a [section] of that name to ~/.pg_service.conf, or to the file that PGSERVICEFILE names"))
}

/// The lines of a `[section]`; `None` when the file does not have it.
fn section(text: &str, name: &str, path: &Path) -> Result<Option<Vec<(String, String)>>> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let place = || format!("{}:{}", path.display(), number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            found = (header == name).then(Vec::new);
        } else if let Some(pairs) = &mut found {
            if line.starts_with("ldap") {
                return Err(Error::new(Kind::Config, format!("{}: evo does not ask LDAP for a service", place())));
            }
            let (key, value) = line.split_once('=').ok_or_else(|| wrong(format!("{}: a line without =", place())))?;
            if ["service", "servicefile"].contains(&key.trim()) {
                return Err(wrong(format!("{}: a service cannot name another one", place())));
            }
            pairs.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}
