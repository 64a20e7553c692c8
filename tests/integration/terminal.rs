//! What a person or a log store sees, and that no command depends on whether anybody looks.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};
use serde_json::Value;

use crate::support::{Evo, binary, cluster};

/// Every command that does something, by its arguments, in an order in which each has something to do.
const COMMANDS: [&[&str]; 21] = [
    &["--help"],
    &["load", "--help"],
    &["--version"],
    &["generate", "sales", "members", "--records", "40"],
    &["migrate"],
    &["load", "sales", "--dry-run"],
    &["load", "sales", "members", "-v"],
    &["load", "sales"],
    &["load", "salse"],
    &["lode"],
    &["transform", "sales", "--dry-run"],
    &["transform", "all", "-v"],
    &["transform", "sales", "--full-refresh"],
    &["check", "sales"],
    &["rejects", "list"],
    &["optimize-storage", "sales", "--vacuum", "--reindex"],
    &["status"],
    &["config", "show"],
    &["config", "check"],
    &["doctor"],
    &["db", "status"],
];

fn code(mut command: Command) -> i32 {
    command.status().unwrap().code().unwrap_or(-1)
}

/// The exit codes of all commands, one after the other on one warehouse, with streams as `change` leaves
/// them.
fn codes(change: impl Fn(Command) -> Command) -> Vec<i32> {
    let evo = Evo::new();
    let run = |args: &&[&str]| {
        let mut command = evo.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        code(change(command))
    };
    let codes = COMMANDS.iter().map(run).collect();
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "40");
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "40");
    codes
}

/// The write end of a pipe that nobody reads.
fn broken_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// The same command with a redirection of the shell's behind it.
fn redirected(command: Command, redirection: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("exec \"$0\" \"$@\" {redirection}"))
        .arg(command.get_program())
        .args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap()).env_clear().stdin(Stdio::null());
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

#[test]
fn no_exit_code_depends_on_whether_anybody_reads() {
    let expected = codes(|command| command);
    assert_eq!(expected.iter().filter(|code| **code != 0).count(), 2, "the two mistakes: {expected:?}");
    let stderr_gone = codes(|mut command| {
        command.stderr(broken_pipe());
        command
    });
    assert_eq!(stderr_gone, expected, "stderr without a reader");
    let stdout_gone = codes(|mut command| {
        command.stdout(broken_pipe());
        command
    });
    assert_eq!(stdout_gone, expected, "stdout without a reader");
    assert_eq!(codes(|command| redirected(command, "2>&- >&- <&-")), expected, "no streams at all");
    assert_eq!(codes(|command| redirected(command, "2>/dev/full")), expected, "the log's disk is full");
}

#[test]
fn a_full_disk_for_the_summary_fails_what_only_prints_and_nothing_else() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "40"]).exits(0);
    let full = |args: &[&str]| code(redirected(evo.command(args), ">/dev/full"));
    assert_eq!(full(&["load", "sales"]), 0);
    assert_eq!(full(&["transform", "sales"]), 0);
    assert_eq!(evo.db.one("select count(*) from evo.runs where state = 'succeeded'"), "2");
    assert_eq!(full(&["status"]), 1);
}

/// Every line of both streams, each of which must be an object with a time and a level.
fn objects(evo: &Evo, args: &[&str], code: i32) -> Vec<Value> {
    let mut command = evo.command(args);
    command.env("EVO_LOG_FORMAT", "json").env("EVO_PROGRESS_INTERVAL", "100ms");
    let run = crate::support::Run::from(command.output().unwrap()).exits(code);
    let parse =
        |line: &str| -> Value { serde_json::from_str(line).unwrap_or_else(|e| panic!("{args:?}: {e}: {line}")) };
    let lines: Vec<Value> = run.stderr.lines().chain(run.stdout.lines()).map(parse).collect();
    for line in &lines {
        let time = line["timestamp"].as_str().unwrap_or_else(|| panic!("{args:?}: no time in {line}"));
        assert!(time.ends_with('Z') && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    lines
}

#[test]
fn a_json_log_is_json_to_its_last_line_whatever_the_command_and_its_end() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "members", "--records", "40", "--broken", "5%"]).exits(0);
    for args in [
        &["load", "sales", "members", "--dry-run"][..],
        &["load", "sales", "members"],
        &["transform", "sales", "members"],
        &["transform", "sales", "--dry-run"],
        &["status"],
        &["runs"],
        &["runs", "last"],
        &["rejects", "list"],
        &["config", "show"],
        &["config", "check"],
        &["doctor"],
        &["db", "status"],
        &["migrate", "--dry-run"],
        &["optimize-storage", "sales"],
    ] {
        let code = if args.len() == 3 && args[0] == "load" { 6 } else { 0 };
        let lines = objects(&evo, args, code);
        assert_eq!(lines.iter().filter(|line| line["message"] == "summary").count(), 1, "{args:?}");
        assert!(lines.iter().any(|line| line["command"] == args[0]), "{args:?}");
    }
    let too_many = objects(&evo, &["load", "all", "--all-runs", "--max-rejects", "0"], 6);
    assert!(too_many.iter().any(|line| line["level"] == "ERROR"));
    for (args, code, kind) in [
        (&["load", "salse"][..], 2, "Usage"),
        (&["lode"], 2, "Usage"),
        (&["load", "sales", "--workers", "99"], 2, "Usage"),
    ] {
        let last = objects(&evo, args, code).pop().unwrap();
        assert_eq!((last["level"].as_str(), last["kind"].as_str()), (Some("ERROR"), Some(kind)), "{args:?}");
        assert_eq!(last["exit_code"], code);
        assert!(last["hint"].is_string(), "{last}");
    }
}

#[test]
fn a_running_job_says_how_far_it_is() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "20000", "--part-records", "500"]).exits(0);
    let parts = if cluster::is_cluster() { "shards" } else { "parts" };
    for (args, phase, unit) in [
        (&["load", "sales", "--workers", "1", "--batch-size", "2"][..], "sales: loading", "bytes"),
        (&["transform", "sales", "--full-refresh", "--workers", "1"], "sales: filling", parts),
        (&["load", "sales", "--all-runs", "--workers", "1", "--batch-size", "2"], "sales: loading", "bytes"),
        (&["transform", "sales", "--in-place", "--workers", "1"], "sales: updating", "chunks"),
    ] {
        let lines = objects(&evo, args, 0);
        let progress: Vec<&Value> = lines.iter().filter(|line| line["message"] == "progress").collect();
        let of_phase: Vec<&&Value> = progress.iter().filter(|line| line["phase"] == phase).collect();
        assert!(!of_phase.is_empty(), "{args:?}: {progress:?}");
        for line in of_phase {
            let (done, total) = (line["done"].as_u64().unwrap(), line["total"].as_u64().unwrap());
            assert!(done <= total && total > 0 && line["unit"] == unit, "{line}");
            assert_eq!(line["percent"], done * 100 / total);
        }
    }
    let run = evo.command(&["load", "sales", "--all-runs", "--workers", "1", "--quiet"]);
    let quiet = { run }.env("EVO_PROGRESS_INTERVAL", "100ms").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "", "--quiet is quiet");
}

/// What a command writes to a terminal with this many columns.
fn on_terminal(command: Command, columns: u16) -> String {
    on_window(command, columns, if columns == 0 { 0 } else { 24 })
}

/// What a command writes to a terminal of this size.
pub fn on_window(mut command: Command, columns: u16, rows: u16) -> String {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
    command.stdout(slave.try_clone().unwrap()).stderr(slave).env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    // The command holds the other end too, until it is gone.
    drop(command);
    let mut text = Vec::new();
    // Linux says EIO when the last writer has closed its end.
    let _ = File::from(master).read_to_end(&mut text);
    child.wait().unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Lines as they stand on the screen: what was drawn over counts as well.
fn widths(text: &str) -> Vec<(usize, String)> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        let end = after.find(|c: char| c.is_ascii_alphabetic()).map_or(after.len(), |i| i + 1);
        rest = &after[end..];
    }
    plain += rest;
    plain.split(['\n', '\r']).map(|line| (evo::report::terminal::width_of(line), line.to_owned())).collect()
}

#[test]
fn nothing_is_wider_than_the_terminal_and_bars_leave_no_trace() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--records", "2000", "--part-records", "100"]).exits(0);
    for columns in [80, 40, 0] {
        let width = if columns == 0 { 80 } else { usize::from(columns) };
        for args in [
            &["load", "all", "--all-runs", "--workers", "1"][..],
            &["transform", "all", "--full-refresh", "--workers", "1"],
            &["status"],
            &["runs"],
            &["runs", "last"],
            &["optimize-storage"],
            &["check"],
            &["doctor"],
            &["rejects", "list"],
            &["load", "sales", "--dry-run"],
        ] {
            let text = on_terminal(evo.command(args), columns);
            // A table that is too wide is written row by row instead of being broken like prose.
            assert!(columns != 40 || args != ["optimize-storage"] || text.contains(" · "), "{text}");
            for (used, line) in widths(&text) {
                // Log lines and paths are as long as they are; tables, notes and bars are not.
                let is_free = line.contains(" INFO ") || line.contains(" WARN ") || !line.trim().contains(' ');
                let has_long_word = line.split(' ').any(|word| evo::report::terminal::width_of(word) + 12 > width);
                assert!(used <= width || is_free || has_long_word, "{args:?} at {columns}: {used}: {line}");
            }
        }
    }
}

#[test]
fn a_terminal_shows_bars_and_a_pipe_shows_none() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "20000", "--part-records", "250"]).exits(0);
    let shown = on_terminal(evo.command(&["load", "sales", "--workers", "1", "--batch-size", "2"]), 80);
    assert!(shown.contains("sales: loading") && shown.contains('━'), "{shown}");
    let piped = evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    assert!(!piped.stderr.contains('━') && !piped.stderr.contains('\u{1b}'), "{}", piped.stderr);
}

#[test]
fn help_fits_into_eighty_columns_and_has_an_example() {
    let help = |args: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let output = binary(dir.path()).args(args).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for args in [
        &[][..],
        &["generate"],
        &["load"],
        &["rejects"],
        &["rejects", "list"],
        &["rejects", "replay"],
        &["transform"],
        &["verify"],
        &["check"],
        &["optimize-storage"],
        &["status"],
        &["runs"],
        &["doctor"],
        &["new"],
        &["preview"],
        &["reset"],
        &["test"],
        &["migrate"],
        &["config"],
        &["db"],
        &["completions"],
        &["man"],
    ] {
        let text = help(args);
        for line in text.lines() {
            assert!(evo::report::terminal::width_of(line) <= 80, "{args:?}: {line}");
        }
        assert!(args.len() == 2 || text.contains("evo ") && text.contains("Example"), "{args:?}");
    }
    insta::assert_snapshot!("help", help(&[]));
    insta::assert_snapshot!("help_load", help(&["load"]));
    insta::assert_snapshot!("help_transform", help(&["transform"]));
}
