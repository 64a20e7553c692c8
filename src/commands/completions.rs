//! `evo completions`: scripts that let a shell complete evo's commands and flags.

use std::io::{self, Write};

use clap::Command;
use clap_complete::Shell;

use crate::error::{Error, Kind, Result};

/// Prints a script that lets a shell complete commands and flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo completions bash > ~/.local/share/bash-completion/completions/evo
  evo completions zsh > \"${fpath[1]}/_evo\"
  evo completions fish > ~/.config/fish/completions/evo.fish
  evo completions powershell >> $PROFILE

Open a new shell afterwards. Print it again after an upgrade of evo.")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell"])]
    pub shell: String,
}

/// Writes the script for a tree of commands to stdout. Needs no settings: a mistake in evo.toml must not stop
/// every new shell.
///
/// # Errors
/// `Internal` when it cannot be written. It is not an error if nobody reads it.
pub fn print(args: &Args, tree: &Command) -> Result<()> {
    let shell = match args.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "powershell" => Shell::PowerShell,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree.clone(), "evo", &mut script);
    written(io::stdout().lock().write_all(&script))
}

/// The end of a command that only writes to stdout.
pub(super) fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Internal, "cannot write to stdout").caused_by(e))
        }
        _ => Ok(()),
    }
}
