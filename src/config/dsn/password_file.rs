//! libpq's password file, `~/.pgpass` by default.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::server::Server;
use crate::config::environment::Environment;

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
