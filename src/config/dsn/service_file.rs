//! libpq's service files, which name groups of parameters.

use std::path::{Path, PathBuf};

use super::wrong::wrong;
use crate::config::environment::Environment;
use crate::error::{Error, Kind, Result};

/// Folders of libpq's settings for the whole machine.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc"];

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
                return Err(Error::new(Kind::Config, format!("{}: evo does not look services up in LDAP", place())));
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
