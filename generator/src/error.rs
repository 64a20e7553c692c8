//! The error of a lake that was not written.

use std::fmt;
use std::path::Path;

/// The result of writing a lake.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a lake was not written. Messages are lowercase and name the flag of `evo generate` or the file.
#[derive(Debug)]
pub enum Error {
    /// The plan makes no sense.
    Plan {
        /// The message, with the flag at fault.
        message: String,
        /// Something to know or to type.
        hint: Option<&'static str>,
    },
    /// The lake holds something else where the plan writes.
    Occupied {
        /// How much of it, or which file.
        message: String,
        /// The first of several files.
        detail: Option<String>,
        /// Advice: the flag or command to type instead.
        hint: &'static str,
    },
    /// The file system refused.
    File {
        /// The action that failed, with the path.
        message: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// The file system refused to `act` on `path`: `cannot read`, `cannot write`.
    pub(crate) fn file(act: &str, path: &Path, source: std::io::Error) -> Self {
        Self::File { message: format!("{act} {}", path.display()), source }
    }

    /// The message, without detail and hint.
    pub fn message(&self) -> &str {
        match self {
            Self::Plan { message, .. } | Self::Occupied { message, .. } | Self::File { message, .. } => message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { message, source } => write!(f, "{message}: {source}"),
            Self::Plan { message, .. } | Self::Occupied { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Plan { .. } | Self::Occupied { .. } => None,
        }
    }
}
