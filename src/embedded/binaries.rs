//! Finds PostgreSQL's programs on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Kind, Result};

/// The programs that a private server needs.
const NEEDED: [&str; 2] = ["initdb", "postgres"];

/// The oldest major version that evo supports.
const OLDEST: u32 = 14;

/// Where packages put the programs of a version: parent directory, prefix of the version, subdirectory.
const USUAL_DIRS: [(&str, &str, &str); 11] = [
    ("/usr/lib/postgresql", "", "bin"),                          // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                   // Fedora and others, from postgresql.org
    ("/usr/lib", "postgresql", "bin"),                           // openSUSE
    ("/usr/libexec", "postgresql", ""),                          // Alpine
    ("/usr/lib64", "postgresql-", "bin"),                        // Gentoo
    ("/opt/homebrew/opt", "postgresql@", "bin"),                 // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql@", "bin"),                    // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),    // Homebrew on Linux
    ("/opt/local/lib", "postgresql", "bin"),                     // MacPorts
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("/Library/PostgreSQL", "", "bin"),                          // EnterpriseDB's installer
];

/// The programs of one PostgreSQL installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The absolute path of their directory.
    pub(super) bin: PathBuf,
    /// Their major version, such as 17.
    pub(super) version: u32,
}

/// The directory with `initdb` and `postgres`: `given`, or else the first in `PATH`, in what `pg_config` says
/// and in the usual directories, newest first. Programs of the version `wanted`, which made the data, come
/// before all others.
///
/// # Errors
/// `Config` with how to install PostgreSQL when none is found, or only one that is too old.
pub(super) fn find(given: Option<&Path>, search_path: &str, wanted: Option<u32>) -> Result<Binaries> {
    if let Some(dir) = given {
        return match complete(dir) {
            true => Ok(Binaries { version: major_version(dir)?, bin: absolute(dir) }),
            false => Err(Error::new(
                Kind::Config,
                format!("EVO_PG_BIN (pg_bin): {} does not hold {}", dir.display(), NEEDED.join(" and ")),
            )
            .hint("it names the directory of PostgreSQL's server programs, such as /usr/lib/postgresql/17/bin")),
        };
    }
    let mut dirs: Vec<PathBuf> = dirs_of(search_path).collect();
    dirs.extend(pg_config(search_path));
    dirs.extend(usual_dirs(Path::new("/")));
    choose(&dirs, wanted)
}

/// Path of a program: in `PATH`, or else beside the server's programs (Debian keeps some of them only there).
pub fn find_program(program: &str, search_path: &str, bin_dir: Option<&Path>) -> Option<PathBuf> {
    let beside = || find(bin_dir, search_path, None).ok().map(|found| found.bin);
    let named = |dir: PathBuf| Some(dir.join(program)).filter(|path| path.is_file());
    dirs_of(search_path).find_map(named).or_else(|| beside().and_then(named))
}

fn choose(dirs: &[PathBuf], wanted: Option<u32>) -> Result<Binaries> {
    let mut all: Vec<Binaries> = Vec::new();
    for bin in dirs.iter().filter(|dir| complete(dir)) {
        // Skip programs that do not even print their version.
        let Ok(version) = major_version(bin) else { continue };
        all.push(Binaries { bin: absolute(bin), version });
        if wanted.is_none_or(|wanted| wanted == version) && version >= OLDEST {
            break;
        }
    }
    let good = |found: &&Binaries| found.version >= OLDEST;
    let chosen = all.iter().filter(good).find(|f| Some(f.version) == wanted).or_else(|| all.iter().find(good));
    match (chosen, all.first()) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(old)) => Err(Error::new(
            Kind::Config,
            format!("PostgreSQL {} in {} is too old: evo needs {OLDEST} or newer", old.version, old.bin.display()),
        )
        .hint(install())),
        (None, None) => Err(Error::new(
            Kind::Config,
            "no database is configured, and no PostgreSQL programs were found to start a private one",
        )
        .detail("looked for initdb and postgres in PATH, in `pg_config --bindir` and where packages put them")
        .hint(install())),
    }
}

fn install() -> &'static str {
    "install PostgreSQL, or name a server with --database-url:\n\
     Debian, Ubuntu: sudo apt-get install postgresql\n\
     Fedora:         sudo dnf install postgresql-server\n\
     macOS:          brew install postgresql@17\n\
     anywhere else:  set EVO_PG_BIN to the directory that holds initdb and postgres"
}

/// `postgres (PostgreSQL) 15.18 …` → 15.
fn major_version(bin: &Path) -> Result<u32> {
    let program = bin.join("postgres");
    let output = Command::new(&program)
        .arg("--version")
        .output()
        .map_err(|e| Error::new(Kind::Config, format!("cannot run {}: {e}", program.display())).caused_by(e))?;
    let text = String::from_utf8_lossy(&output.stdout);
    version_in(&text)
        .ok_or_else(|| Error::new(Kind::Config, format!("{} does not print its version", program.display())))
}

fn version_in(text: &str) -> Option<u32> {
    text.split_whitespace().find_map(|word| word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
}

fn dirs_of(search_path: &str) -> impl Iterator<Item = PathBuf> {
    search_path.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from)
}

/// The programs run in another working directory than evo's.
fn absolute(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}

fn complete(dir: &Path) -> bool {
    NEEDED.iter().all(|program| dir.join(program).is_file())
}

fn pg_config(search_path: &str) -> Option<PathBuf> {
    let program = dirs_of(search_path).map(|dir| dir.join("pg_config")).find(|path| path.is_file())?;
    let output = Command::new(program).arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The usual directories that exist, newest version first.
fn usual_dirs(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix, leaf) in USUAL_DIRS {
        let parent = root.join(parent.trim_start_matches('/'));
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Programs that print a version and do nothing else.
    fn install_fake(dir: &Path, version: &str) {
        std::fs::create_dir_all(dir).unwrap();
        for program in NEEDED {
            let path = dir.join(program);
            std::fs::write(&path, format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn a_given_directory_without_the_programs_is_named_in_the_error() {
        let error = find(Some(Path::new("/nowhere")), "", None).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.message().contains("EVO_PG_BIN") && error.message().contains("/nowhere"), "{}", error.render());
    }

    #[test]
    fn without_any_programs_the_error_says_how_to_install_them_on_three_systems() {
        let error = choose(&[PathBuf::from("/nowhere")], None).unwrap_err();
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("apt-get install") && hint.contains("dnf install") && hint.contains("brew install"));
    }

    #[test]
    fn the_first_directory_wins_unless_another_version_made_the_data() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("a"), root.path().join("b"));
        install_fake(&first, "17.2 (Debian 17.2-1)");
        install_fake(&second, "15.18");
        let places = [root.path().join("none"), first.clone(), second.clone()];
        assert_eq!(choose(&places, None).unwrap(), Binaries { bin: first.clone(), version: 17 });
        assert_eq!(choose(&places, Some(15)).unwrap(), Binaries { bin: second, version: 15 });
        // None of that version: the first one, and the caller reports that its version is wrong.
        assert_eq!(choose(&places, Some(16)).unwrap().bin, first);
    }

    #[test]
    fn a_version_that_is_too_old_is_skipped_and_alone_it_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        install_fake(&old, "9.6.24");
        install_fake(&new, "18beta1");
        assert_eq!(choose(&[old.clone(), new], None).unwrap().version, 18);
        assert!(choose(&[old], None).unwrap_err().message().contains("too old"));
    }

    #[test]
    fn the_usual_directories_come_newest_first_regardless_of_the_packager() {
        let root = tempfile::tempdir().unwrap();
        for place in ["usr/lib/postgresql/9", "usr/pgsql-16", "usr/lib/postgresql/15", "usr/libexec/postgresql17"] {
            std::fs::create_dir_all(root.path().join(place)).unwrap();
        }
        let found: Vec<_> = usual_dirs(root.path());
        let expected = ["usr/libexec/postgresql17/", "usr/pgsql-16/bin", "usr/lib/postgresql/15/bin"];
        assert_eq!(found[..3], expected.map(|place| root.path().join(place)));
    }
}
