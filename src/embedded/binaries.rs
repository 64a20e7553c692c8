//! Finding the server's programs on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind, Result};

/// The programs that a private server needs.
const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// The folder with `initdb`, `pg_ctl` and `postgres`: the given one, `PATH`, what `pg_config` says, the usual places.
///
/// # Errors
/// `Config` with how to install PostgreSQL when none is found.
pub fn find(given: Option<&Path>, search_path: &str) -> Result<PathBuf> {
    if let Some(dir) = given {
        return if complete(dir) {
            Ok(dir.to_owned())
        } else {
            Err(Error::new(Kind::Config, format!("{} does not hold {}", dir.display(), NEEDED.join(", ")))
                .hint("EVO_PG_BIN names the folder of PostgreSQL's server programs"))
        };
    }
    let on_path = search_path.split(':').filter(|p| !p.is_empty()).map(PathBuf::from);
    let found = on_path.chain(pg_config()).chain(usual_places()).find(|dir| complete(dir));
    found.ok_or_else(|| {
        Error::new(
            Kind::Config,
            "no database is configured, and no PostgreSQL programs were found to start a private one",
        )
        .detail("looked for initdb, pg_ctl and postgres in PATH, `pg_config --bindir` and the usual places")
        .hint(
            "either name a server with --database-url, or install PostgreSQL:\n\
                 Debian, Ubuntu: sudo apt-get install postgresql\n\
                 Fedora:         sudo dnf install postgresql-server\n\
                 macOS:          brew install postgresql@17",
        )
    })
}

/// Major version of the programs: `postgres (PostgreSQL) 15.18 …` → 15.
///
/// # Errors
/// `Config` when the program does not run.
pub fn major_version(bin: &Path) -> Result<u32> {
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .output()
        .map_err(|e| Error::new(Kind::Config, format!("cannot run {}", bin.join("postgres").display())).caused_by(e))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .find_map(|word| word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .ok_or_else(|| Error::new(Kind::Config, format!("cannot read the version of PostgreSQL from {text:?}")))
}

fn complete(dir: &Path) -> bool {
    NEEDED.iter().all(|program| dir.join(program).is_file())
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Newest version first.
fn usual_places() -> Vec<PathBuf> {
    let families = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (root, prefix, leaf) in families {
        for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(version) = name.strip_prefix(prefix).and_then(|v| v.parse().ok()) {
                found.push((version, entry.path().join(leaf)));
            }
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, dir)| dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_programs_is_named_in_the_error() {
        let error = find(Some(Path::new("/nowhere")), "").unwrap_err();
        assert!(error.message().contains("/nowhere"));
    }
}
