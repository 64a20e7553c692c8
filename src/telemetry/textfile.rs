//! The file for the textfile collector of Prometheus' node_exporter.
//!
//! It is replaced as a whole: a reader sees the old or the new one. Every series carries the file's name, so
//! that those of two jobs never collide.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::metric::Metric;
use super::prometheus;

/// When the job last succeeded: the only series that outlives an execution that failed.
const LAST_SUCCESS: &str = "evo_execution_last_success_timestamp_seconds";

/// A larger file is not one of evo's.
const LARGEST: u64 = 16 << 20;

/// The file of one job.
#[derive(Debug)]
pub(super) struct TextFile {
    path: PathBuf,
    command: &'static str,
    /// Seconds since 1970, as the file of an earlier execution has it.
    last_success: Option<f64>,
}

impl TextFile {
    /// The file at this path; in a folder, `evo-COMMAND.prom`. Reads when the job last succeeded.
    pub(super) fn open(path: &Path, command: &'static str) -> Self {
        let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let path = match is_folder {
            true => path.join(format!("evo-{command}.prom")),
            false => path.to_owned(),
        };
        // A link stays a link: the file that it leads to is replaced.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let is_ours = fs::metadata(&path).is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
        let text = is_ours.then(|| fs::read_to_string(&path).ok()).flatten();
        let last_success = text.and_then(|text| last_success(&text));
        Self { path, command, last_success }
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file. `succeeded_at` is set when the job has succeeded: seconds since 1970.
    ///
    /// # Errors
    /// Those of the file system; the old file is untouched then.
    pub(super) fn write(&mut self, metrics: &[Metric], succeeded_at: Option<f64>) -> io::Result<()> {
        self.last_success = succeeded_at.or(self.last_success);
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let common = [("evo.command", self.command), ("evo.file", name.as_str())];
        let mut text = prometheus::text(metrics, &common);
        if let Some(at) = self.last_success {
            text += &format!("# HELP {LAST_SUCCESS} when the job last succeeded\n# TYPE {LAST_SUCCESS} gauge\n");
            text += &prometheus::series(LAST_SUCCESS, &common, at);
        }
        let temporary = self.temporary();
        let written = self.write_to(&temporary, &text);
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn write_to(&self, temporary: &Path, text: &str) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|about| !about.is_file()) {
            // Renaming over a device would replace it.
            return Err(io::Error::other("it is not a regular file"));
        }
        // The process that scrapes belongs to another user. The name is that of a process that is gone, if it
        // exists.
        let _ = fs::remove_file(temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(temporary)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fs::rename(temporary, &self.path)
    }

    /// In the same folder, because a rename between file systems is none; not `*.prom`, which would be read.
    fn temporary(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
    }
}

fn last_success(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(LAST_SUCCESS))?;
    line.rsplit(' ').next()?.parse().ok().filter(|at: &f64| at.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_success_outlives_a_failure_and_nothing_is_left_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("{LAST_SUCCESS}{{evo_command=\"load\",evo_file=\"evo-load\"}} 1700000000.5\n");
        TextFile::open(dir.path(), "load").write(&[], Some(1_700_000_000.5)).unwrap();
        let path = dir.path().join("evo-load.prom");
        assert!(fs::read_to_string(&path).unwrap().ends_with(&line));
        TextFile::open(&path, "load").write(&[], None).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with(&line), "after a failure");
        TextFile::open(&path, "load").write(&[], Some(1_800_000_000.0)).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with(" 1800000000\n"));
        assert_eq!(names(dir.path()), ["evo-load.prom"]);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = dir.path().join("nowhere/x.prom");
        assert!(TextFile::open(&nowhere, "load").write(&[], None).is_err());
        // What is no file is not replaced by one.
        let mut file = TextFile::open(&dir.path().join("x.prom"), "load");
        fs::create_dir_all(dir.path().join("x.prom/y")).unwrap();
        assert!(file.write(&[], None).is_err());
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = TextFile::open(&dir.path().join("pipe"), "load").write(&[], None).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
        assert_eq!(names(dir.path()), ["pipe", "x.prom"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (link, file) = (dir.path().join("link.prom"), dir.path().join("file.prom"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        TextFile::open(&link, "load").write(&[], Some(1.0)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("evo_file=\"file\""));
    }
}
