//! Everything that a process inherits, as one value: tests pass their own, and no other code reads global
//! state.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use nix::unistd::{Uid, User};

use crate::error::{Error, Kind, Mistakes};

/// Environment variables and the few other things that a process inherits.
///
/// An empty variable counts as unset, because a job manifest cannot unset one.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Where relative paths of flags and variables start, and where `evo.toml` is looked for.
    pub directory: PathBuf,
    /// Name of the operating system's user, the default database user as in libpq.
    pub os_user: Option<String>,
    /// The host's name; `None` where the system does not report one.
    pub host_name: Option<String>,
    /// Whether stderr is a terminal.
    pub terminal: bool,
    /// Columns of the terminal on stdout, else those that COLUMNS gives; `None` for a file or a pipe.
    pub columns: Option<usize>,
}

impl Environment {
    /// The environment of this process. A variable that evo reads and that is not UTF-8 is a mistake.
    pub(super) fn of_process(mistakes: &mut Mistakes) -> Self {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            // A name that is not UTF-8 is not one of evo's.
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => {
                    variables.insert(name, value);
                }
                Err(_) if ["EVO_", "PG", "AZURE_"].iter().any(|prefix| name.starts_with(prefix)) => {
                    mistakes.add(Error::new(Kind::Config, format!("the environment variable {name} is not UTF-8")));
                }
                Err(_) => {}
            }
        }
        let os_user = os_user().or_else(|| variables.get("USER").cloned());
        let given = variables.get("COLUMNS").and_then(|text| text.parse().ok()).filter(|n| (20..10_000).contains(n));
        Self {
            variables,
            directory: PathBuf::new(),
            os_user,
            host_name: nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()),
            terminal: std::io::stderr().is_terminal(),
            columns: columns_of(std::io::stdout()).or(given),
        }
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names of all variables that are set and not empty, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, ..Self::default() }
    }
}

impl fmt::Debug for Environment {
    // Without the values, which may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The words of this process's command line, its name first.
pub fn command_line() -> Vec<std::ffi::OsString> {
    std::env::args_os().collect()
}

/// The words of the command line as text, without those that are not UTF-8.
pub(super) fn words() -> Vec<String> {
    std::env::args_os().filter_map(|word| word.into_string().ok()).collect()
}

/// A variable of this process, before its environment is known to be readable.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Columns of the terminal on stderr at this moment; `None` when it is not a terminal.
pub fn columns_of_stderr() -> Option<usize> {
    columns_of(std::io::stderr())
}

/// Columns and rows of the terminal on stdout at this moment; `None` when it is not a terminal.
pub fn size_of_stdout() -> Option<(usize, usize)> {
    let size = size_of(std::io::stdout())?;
    let rows = if size.ws_row == 0 { 24 } else { usize::from(size.ws_row) };
    Some((columns_in(&size), rows))
}

nix::ioctl_read_bad!(
    /// Reads the size of a terminal.
    window_size,
    nix::libc::TIOCGWINSZ,
    nix::pty::Winsize
);

/// Columns of a terminal; 80 where it does not know its size, as behind `docker run -t` or a serial line.
fn columns_of(stream: impl AsFd) -> Option<usize> {
    size_of(stream).map(|size| columns_in(&size))
}

fn columns_in(size: &nix::pty::Winsize) -> usize {
    match size.ws_col {
        0 => 80,
        columns => usize::from(columns).max(20),
    }
}

fn size_of(stream: impl AsFd) -> Option<nix::pty::Winsize> {
    let mut size = nix::pty::Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and the request fills the structure that the pointer leads to and
    // nothing else.
    unsafe { window_size(stream.as_fd().as_raw_fd(), &raw mut size) }.ok()?;
    Some(size)
}

/// The name of the effective user, found as libpq finds it: `USER` is stale after `setpriv` or `su`.
fn os_user() -> Option<String> {
    User::from_uid(Uid::effective()).ok()?.map(|user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::from([("EVO_LAKE", ""), ("EVO_WORKERS", "3")]);
        assert_eq!(environment.get("EVO_LAKE"), None);
        assert_eq!(environment.names().collect::<Vec<_>>(), ["EVO_WORKERS"]);
    }

    #[test]
    fn debugging_an_environment_shows_no_value() {
        let environment = Environment::from([("PGPASSWORD", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
