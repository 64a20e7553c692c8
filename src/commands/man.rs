//! `evo man`: manual pages.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use super::completions::written;
use crate::error::{Error, Kind, Result};

/// Prints the manual page of evo, or writes those of all commands into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo man | man -l -                        read evo(1)
  evo man --out ~/.local/share/man/man1     then: man evo-load")]
pub struct Args {
    /// Write evo.1, evo-load.1, … into this folder; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Writes the pages of a tree of commands. Needs no settings.
///
/// # Errors
/// `Config` when the folder or a page cannot be written; `Internal` when stdout cannot be written. It is not
/// an error if nobody reads it.
pub fn print(args: &Args, tree: &Command) -> Result<()> {
    let mut tree = tree.clone();
    tree.build();
    match &args.out {
        None => written(page(tree).and_then(|page| io::stdout().lock().write_all(&page))),
        Some(dir) => {
            let failed = |e: io::Error| {
                Error::new(Kind::Config, format!("cannot write the manual pages to {}: {e}", dir.display()))
                    .caused_by(e)
                    .hint("name another folder with --out")
            };
            std::fs::create_dir_all(dir).map_err(failed)?;
            pages(tree, dir).map_err(failed)
        }
    }
}

/// Writes the page of a command and those of its subcommands.
fn pages(command: Command, dir: &Path) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        pages(sub.clone(), dir)?;
    }
    let name = file_name(&command);
    std::fs::write(dir.join(name), page(command)?)
}

/// `evo-rejects-list.1`.
fn file_name(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    format!("{name}.1")
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
