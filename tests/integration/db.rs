//! The private PostgreSQL.

use std::path::Path;
use std::process::Stdio;

use crate::support::{Run, binary};

fn evo(dir: &Path, args: &[&str]) -> Run {
    binary(dir).args(args).output().unwrap().into()
}

/// Stops and removes the server also when an assertion fails.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        evo(self.path(), &["db", "destroy", "--yes"]);
    }
}

#[test]
fn the_private_server_starts_once_for_concurrent_commands_and_survives_a_crash() {
    let home = Home::new();
    evo(home.path(), &["db", "status"]).exits(0).says("none yet");
    let children: Vec<_> = (0..4)
        .map(|_| {
            binary(home.path()).args(["status", "-q"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        Run::from(child.wait_with_output().unwrap()).exits(0).says("sales");
    }
    let status = evo(home.path(), &["db", "status", "--output", "json"]).exits(0).json();
    let pid = status["pid"].to_string();
    evo(home.path(), &["db", "start"]).exits(0).says("runs already");
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    // The next command just works, with the data that was there.
    let after = evo(home.path(), &["status"]).exits(0);
    assert!(after.stdout.contains("members"), "{}", after.stdout);
    let status = evo(home.path(), &["db", "status", "--output", "json"]).exits(0).json();
    assert_ne!(status["pid"].to_string(), pid);

    evo(home.path(), &["db", "stop"]).exits(0).says("stopped");
    evo(home.path(), &["db", "stop"]).exits(0).says("does not run");
    evo(home.path(), &["db", "url"]).exits(0).says("postgresql://evo:");
    evo(home.path(), &["db", "psql", "--", "-Atc", "select count(*) from evo.runs"]).exits(0).says("0");
    evo(home.path(), &["db", "destroy"]).exits(2).says("--yes");
    evo(home.path(), &["db", "destroy", "--yes"]).exits(0).says("removed");
    evo(home.path(), &["db", "destroy", "--yes"]).exits(0).says("none");
}

#[test]
fn without_server_programs_the_error_says_how_to_install_them() {
    let home = Home::new();
    let mut command = binary(home.path());
    command.args(["status"]).env("EVO_PG_BIN", home.path());
    let run = Run::from(command.output().unwrap()).exits(3);
    run.says("initdb").says("EVO_PG_BIN");
}

#[test]
fn with_a_server_configured_there_is_no_private_one_to_manage() {
    let home = Home::new();
    evo(home.path(), &["db", "start", "--database-url", "postgresql://u:hunter2@127.0.0.1:1/x"])
        .exits(3)
        .says("no private PostgreSQL is in use");
}
