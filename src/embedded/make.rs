//! Making a private server: once per state directory.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use super::place::{Place, cannot, remove_dir};
use super::process::Programs;
use super::settings;
use crate::error::{Error, Kind, Result};

pub(super) const SUPERUSER: &str = "evo";
pub(super) const DATABASE: &str = "evo";

/// Letters beyond ASCII need a UTF-8 character type; which of these locales exist differs between systems.
const CHARACTER_TYPES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// Who may connect: the one user, by password, from this machine.
const ACCESS: &str = "# Written by evo.\n\
    # type  database  user  address       method\n\
    host    all       all   127.0.0.1/32  scram-sha-256\n";

/// Makes data directory, superuser and database. Nothing is at `place.data` before, and all of it or nothing after:
/// a crash on the way leaves a folder beside it that the next attempt removes.
pub(super) fn make(programs: &Programs, place: &Place, durable: bool) -> Result<()> {
    place.refuse_foreign()?;
    let dir = place.making();
    remove_dir(&dir)?;
    remove_dir(&place.data)?;
    if let (true, Some(parent)) = (place.elsewhere, dir.parent()) {
        create(parent, 0o711)?;
    }
    initdb(programs, &dir, durable)?;
    let password = random_password()?;
    create_database(programs, &dir, &password)?;
    write(&dir.join("pg_hba.conf"), ACCESS.as_bytes(), false)?;
    write(&dir.join("postgresql.conf"), format!("\ninclude_if_exists '{}'\n", settings::FILE).as_bytes(), true)?;
    place.keep_password(&password)?;
    place.mark_made(&dir)?;
    std::fs::rename(&dir, &place.data).map_err(|e| cannot("rename", &dir, e))
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
        // Trust is for the moments until pg_hba.conf is written: no server runs before that.
        command.args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
        // Sorting by bytes is fast and the same everywhere; upper and lower case know accents.
        command.arg(format!("--lc-ctype={character_type}")).arg("-D").arg(dir);
        if !durable {
            command.arg("--no-sync");
        }
        match programs.run(command, "make a private PostgreSQL") {
            Ok(()) => return Ok(()),
            // An unknown locale is found first of all; whatever else it was fails the last attempt too.
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// In single-user mode: no driver is needed down here, and the password never lies in a file that the server's user
/// could read.
fn create_database(programs: &Programs, dir: &Path, password: &str) -> Result<()> {
    let mut command = programs.command("postgres");
    command.args(["--single", "-c", "exit_on_error=on", "-c", "log_min_messages=error", "-D"]).arg(dir);
    command.arg("template1").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |detail: String| Error::new(Kind::Config, "cannot create the private database").detail(detail);
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One line is one statement. The last one tells that all of them ran.
        let statements = format!("alter role {SUPERUSER} password '{password}'\ncreate database {DATABASE}\n");
        // A server that ended early says why on stderr; the broken pipe says less.
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

/// Into a file that is there already and keeps its owner.
fn write(path: &Path, bytes: &[u8], append: bool) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).append(append).truncate(!append).custom_flags(libc::O_NOFOLLOW);
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
