//! Makes the data directory of a private server.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use nix::fcntl::OFlag;

use super::failure::{cannot, full, remove_dir, says_full};
use super::paths::Paths;
use super::process::Programs;
use super::settings;
use crate::error::{Error, Kind, Result};

/// Name of the private server's superuser.
pub(super) const SUPERUSER: &str = "evo";
/// Name of the one database that evo uses there.
pub(super) const DATABASE: &str = "evo";

/// Upper and lower case of letters beyond ASCII need a UTF-8 character type. Systems differ in which of these
/// exist.
const CHARACTER_TYPES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// `pg_hba.conf`: the one user may connect, from this machine and with the password.
const ACCESS: &str = "# Written by evo.\n\
    # type  database  user  address       method\n\
    host    all       all   127.0.0.1/32  scram-sha-256\n";

/// Makes data directory, superuser and database, atomically: a crash leaves a directory beside `paths.data`
/// that the next attempt removes.
///
/// # Errors
/// `Config` when something else is at `paths.data` or a program fails, `DatabaseFull` when the disk is full.
pub(super) fn make(programs: &Programs, paths: &Paths, durable: bool) -> Result<()> {
    paths.refuse_foreign()?;
    let dir = paths.making();
    remove_dir(&dir)?;
    remove_dir(&paths.data)?;
    if let (true, Some(parent)) = (paths.elsewhere, dir.parent()) {
        create(parent, 0o711)?;
    }
    let made = complete(programs, paths, &dir, durable);
    if made.is_err() {
        // Half of it is of no use, and on a full disk it takes the space.
        let _ = remove_dir(&dir);
    }
    made
}

fn complete(programs: &Programs, paths: &Paths, dir: &Path, durable: bool) -> Result<()> {
    initdb(programs, dir, durable)?;
    let password = random_password()?;
    create_database(programs, dir, &password)?;
    write(&dir.join("pg_hba.conf"), ACCESS.as_bytes(), false)?;
    write(&dir.join("postgresql.conf"), format!("\ninclude_if_exists '{}'\n", settings::FILE).as_bytes(), true)?;
    paths.keep_password(&password)?;
    paths.mark_made(dir)?;
    std::fs::rename(dir, &paths.data).map_err(|e| cannot("rename", dir, e))
}

fn initdb(programs: &Programs, dir: &Path, durable: bool) -> Result<()> {
    let mut last = Error::new(Kind::Internal, "no locale to try");
    for character_type in CHARACTER_TYPES {
        remove_dir(dir)?;
        create(dir, 0o700)?;
        if let Some(user) = programs.user {
            user.own(dir)?;
        }
        let mut command = programs.command("initdb");
        // "trust" applies until pg_hba.conf is written, and no server runs before that.
        command.args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
        // Sorting by bytes is fast and the same everywhere; upper and lower case know accents.
        command.arg(format!("--lc-ctype={character_type}")).arg("-D").arg(dir);
        if !durable {
            command.arg("--no-sync");
        }
        match programs.run(command, "create a private PostgreSQL") {
            Ok(()) => return Ok(()),
            // Perhaps the locale is unknown here. Any other problem fails the last attempt, too.
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Runs in single-user mode: that needs no driver, and the password is never in a file that the server's user
/// can read.
fn create_database(programs: &Programs, dir: &Path, password: &str) -> Result<()> {
    let mut command = programs.command("postgres");
    command.args(["--single", "-c", "exit_on_error=on", "-c", "log_min_messages=error", "-D"]).arg(dir);
    command.arg("template1").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |detail: String| match says_full(&detail) {
        true => full(format!("cannot create the private database: the disk of {} is full", dir.display())),
        false => Error::new(Kind::Config, "cannot create the private database").detail(detail),
    };
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // In single-user mode a line is a statement.
        let statements = format!("alter role {SUPERUSER} password '{password}'\ncreate database {DATABASE}\n");
        // If the server ended early, its stderr says more than the broken pipe.
        let _ = stdin.write_all(statements.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().replace(password, "***"))),
    }
}

fn create(dir: &Path, mode: u32) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|e| cannot("create", dir, e))?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)).map_err(|e| cannot("protect", dir, e))
}

/// Writes to a file that exists, which keeps its owner.
fn write(path: &Path, bytes: &[u8], append: bool) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).append(append).truncate(!append).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path).and_then(|mut file| file.write_all(bytes)).map_err(|e| cannot("write", path, e))
}

fn random_password() -> Result<String> {
    let mut bytes = [0_u8; 24];
    let path = Path::new("/dev/urandom");
    std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .map_err(|e| cannot("read", path, e))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_differ() {
        let (a, b) = (random_password().unwrap(), random_password().unwrap());
        assert!(a.len() == 48 && a != b && a.bytes().all(|c| c.is_ascii_hexdigit()));
    }
}
