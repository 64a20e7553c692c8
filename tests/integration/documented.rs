//! After every command that the documentation or a help text names, `evo check` is green.
//!
//! The commands are taken from the texts, so a command that is documented tomorrow is run too. One with a
//! placeholder that means nothing here fails the test, which then has to learn it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Evo, Run, binary, object};

/// Subcommands that do not work on the warehouse, or need an API: the private server, extractions, what shells read;
/// and those for entities of one's own, which are tested elsewhere.
const ELSEWHERE: [&str; 10] =
    ["db", "distribute", "drift", "extract", "completions", "man", "new", "preview", "reset", "test"];
/// Commands that change nothing: a check after them would repeat the last one.
const READS: [&str; 14] = [
    "status",
    "check",
    "config show",
    "config check",
    "doctor",
    "rejects list",
    "rejects show",
    "rejects export",
    "objects list",
    "objects lakes",
    "help",
    "--version",
    "--help",
    "runs",
];

/// Adds the texts of all pages below a folder.
fn documents(dir: &Path, found: &mut Vec<String>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("target") && !path.ends_with(".git") {
            documents(&path, found);
        } else if path.ends_with("docs/quickstart.md") || path.ends_with("docs/own-data.md") {
            // Their commands only make sense together; `readme.rs` runs the pages.
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Adds the help texts of a command and its subcommands.
fn helps(dir: &Path, command: &[&str], found: &mut Vec<String>) {
    let help: Run = binary(dir).args(command).arg("--help").output().unwrap().into();
    let text = help.exits(0).stdout;
    let below = text.split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    for line in below.unwrap_or_default().lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
            helps(dir, &[command, &[name]].concat(), found);
        }
    }
    found.push(text);
}

/// The commands in a text: lines of its blocks, and what is between backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
            continue;
        }
        // A comment follows after two blanks.
        let whole = line.trim().trim_start_matches("$ ").split("  ").next().unwrap_or_default();
        if (is_block || line.starts_with("  ")) && !line.contains('`') {
            found.push(whole.to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    let parts = found.iter().flat_map(|line| line.split("&&")).flat_map(|line| line.split(" | "));
    let parts = parts.map(|part| part.split(" #").next().unwrap_or_default().trim().to_owned());
    parts.filter(|part| part.starts_with("evo ")).collect()
}

/// The words of a command: `'…'` is one word.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            _ => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The oldest run of an entity in the lake.
fn run_of(evo: &Evo, entity: &str) -> String {
    evo.db.one(&format!("select min(run_id) from evo.objects where entity = '{entity}'"))
}

/// The arguments of a command as this test runs it: placeholders filled in, sizes reduced, on the test's own
/// lake and database. `None` for what cannot run here.
fn here(evo: &Evo, command: &str) -> Option<Vec<String>> {
    let words = words(command);
    let first = words.get(1)?.as_str();
    let is_command = first.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    // `evo:<command>:…`, `evo transform` as a name in a sentence and the like.
    if !is_command
        || words.iter().any(|word| word == "--serve")
        || ELSEWHERE.contains(&first)
        || words.iter().any(|w| w.contains('…') || w == "...")
    {
        return None;
    }
    let mut args: Vec<String> = Vec::new();
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--lake" | "--database-url" | "--config" | "--extend" | "--profile" => drop(rest.next()),
            "--run-id" => {
                rest.next();
                let named =
                    ["members", "sales", "entries", "prospects"].into_iter().find(|e| words.iter().any(|w| w == e));
                args.extend(["--run-id".to_owned(), run_of(evo, named.unwrap_or("sales"))]);
            }
            // Any object will do.
            "--objects" => {
                rest.next();
                args.extend(["--objects".to_owned(), "*".to_owned()]);
            }
            "--records" | "--scale" => {
                rest.next();
                let small = if word == "--records" { "500" } else { "0.01" };
                args.extend([word.clone(), small.to_owned()]);
            }
            "ENTITY" => args.push("sales".to_owned()),
            "ID" | "019ad3c2-8a1b" if first == "runs" => args.push("last".to_owned()),
            "ID" | "17" => args.push(evo.db.one("select coalesce(max(reject_id), 0) from evo.rejects")),
            "FILE" => args.push("rejects.jsonl".to_owned()),
            "PATH" => args.push("*".to_owned()),
            "N" => args.push("2".to_owned()),
            "<" | ">" => drop(rest.next()),
            word => args.push(word.to_owned()),
        }
    }
    Some(args)
}

/// Runs a command, then `evo check`; returns what went wrong.
fn walk(evo: &Evo, args: &[String]) -> Option<String> {
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut run = evo.run(&args);
    // In a sentence, the entity is left out.
    if run.code == 2 && run.stderr.contains("ENTITY is missing") {
        args.push("all");
        run = evo.run(&args);
    }
    let shown = args.join(" ");
    // Only the name of a group of commands.
    if run.code == 2 && run.stderr.contains("requires a subcommand") {
        return None;
    }
    // A replay that leaves rejects ends with 6.
    if ![0, 6].contains(&run.code) {
        return Some(format!("evo {shown}: exit code {}\n{}\n{}", run.code, run.stdout, run.stderr));
    }
    let is_reading = READS.iter().any(|read| shown == *read || shown.starts_with(&format!("{read} ")))
        || args.iter().any(|a| ["--dry-run", "--help", "--version"].contains(a));
    if is_reading {
        return None;
    }
    let check = evo.run(&["check"]);
    (check.code != 0).then(|| format!("evo check after evo {shown}\n{}\n{}", check.stdout, check.stderr))
}

#[test]
fn evo_check_is_green_after_every_documented_command() {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.02"]).exits(0);
    evo.run(&["load", "all"]).exits(0);
    let run = run_of(&evo, "sales");
    object("sales", &run, "with-a-bad-line").lines(&evo.lake(), &[r#"{"idSale": 900001}"#, r#"{"idSale": 9"#]);
    evo.run(&["load", "sales", "--max-rejects", "100%"]).exits(0);
    assert_eq!(evo.db.one("select count(*) from evo.rejects where resolved_at is null"), "1");
    evo.run(&["transform", "all"]).exits(0);
    evo.run(&["check"]).exits(0);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![std::fs::read_to_string(root.join("README.md")).unwrap()];
    documents(&root.join("docs"), &mut texts);
    documents(&root.join("jobs"), &mut texts);
    helps(evo.dir.path(), &[], &mut texts);
    let mut seen = BTreeSet::new();
    // In the order of the texts, because one command may prepare the next: export, then replay.
    let documented: Vec<String> = texts.iter().flat_map(|text| commands(text)).collect();
    let (mut walked, mut wrong) = (0, Vec::new());
    for command in documented.iter().filter(|command| seen.insert((*command).clone())) {
        let Some(args) = here(&evo, command) else { continue };
        if args.iter().any(|a| a == "export") {
            let _ = std::fs::remove_file(evo.dir.path().join("rejects.jsonl"));
        } else if args.iter().any(|a| a == "--file") && !evo.dir.path().join("rejects.jsonl").exists() {
            evo.run(&["rejects", "export", "--to", "rejects.jsonl"]).exits(0);
        }
        wrong.extend(walk(&evo, &args));
        walked += 1;
    }
    assert!(walked >= 30, "only {walked} commands are documented: {documented:#?}");
    // Everything again, and rejected lines again.
    for command in [
        "load all --all-runs",
        "rejects replay all",
        "transform all",
        "load sales --all-runs",
        "transform all --in-place",
    ] {
        wrong.extend(walk(&evo, &command.split(' ').map(str::to_owned).collect::<Vec<_>>()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}
