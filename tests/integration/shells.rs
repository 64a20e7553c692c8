//! Completions and manual pages: made from the same tree of commands as the help.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Run, binary};

fn run(dir: &Path, args: &[&str]) -> Run {
    binary(dir).args(args).output().unwrap().into()
}

/// What bash offers for a line that ends at the cursor.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let (cword, current, previous) = (words.len() - 1, words[words.len() - 1], words[words.len() - 2]);
    let program = format!(
        "source '{}'; COMP_WORDS=({line}); COMP_CWORD={cword}; COMPREPLY=(); _evo evo '{current}' '{previous}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).stderr(Stdio::piped()).output().unwrap();
    let offered = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    offered.lines().map(str::to_owned).filter(|word| !word.is_empty()).collect()
}

#[test]
fn bash_completes_commands_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("evo.bash");
    std::fs::write(&script, run(dir.path(), &["completions", "bash"]).exits(0).stdout).unwrap();
    assert_eq!(offered(&script, &["evo", "tran"]), ["transform"]);
    assert_eq!(offered(&script, &["evo", "load", "--all"]), ["--all-runs"]);
    assert_eq!(offered(&script, &["evo", "rejects", "re"]), ["replay"]);
    assert_eq!(offered(&script, &["evo", "completions", "po"]), ["powershell"]);
    let commands = offered(&script, &["evo", ""]);
    for command in ["load", "runs", "status", "completions", "man"] {
        assert!(commands.iter().any(|word| word == command), "{command} in {commands:?}");
    }
}

#[test]
fn every_shell_has_a_script_and_needs_no_settings() {
    let dir = tempfile::tempdir().unwrap();
    // A mistake in the settings must not stop every new shell.
    std::fs::write(dir.path().join("evo.toml"), "wrokers = 3").unwrap();
    run(dir.path(), &["status"]).exits(3);
    for (shell, begins) in
        [("bash", "_evo() {"), ("zsh", "#compdef evo"), ("fish", "# Print"), ("powershell", "\nusing")]
    {
        let script = run(dir.path(), &["completions", shell]).exits(0).stdout;
        assert!(script.starts_with(begins), "{shell}: {}", &script[..80]);
        assert!(script.contains("optimize-storage") && script.contains("batch-size"), "{shell}");
    }
    run(dir.path(), &["completions", "tcsh"]).exits(2).says("bash, zsh, fish or powershell");
}

#[test]
fn every_command_has_a_manual_page_with_all_of_its_flags() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evo.toml"), "wrokers = 3").unwrap();
    let out = dir.path().join("share/man1");
    run(dir.path(), &["man", "--out", out.to_str().unwrap()]).exits(0);
    let page = |name: &str| {
        let page = std::fs::read_to_string(out.join(name)).unwrap();
        assert!(page.contains(&format!(".TH {} 1 ", name.trim_end_matches(".1"))), "{name}: {page}");
        page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    };
    for (name, words) in [
        ("evo.1", vec!["evo-load(1)", "evo-runs(1)", "--database-url"]),
        ("evo-load.1", vec!["--batch-size", "--max-rejects", "--all-runs", "evo load sales"]),
        ("evo-runs.1", vec!["--failed", "--since", "--watch"]),
        ("evo-rejects-replay.1", vec!["--file"]),
        ("evo-man.1", vec!["--out"]),
    ] {
        let text = page(name);
        for word in words {
            assert!(text.contains(word), "{name} has no {word}:\n{text}");
        }
    }
    let printed = run(dir.path(), &["man"]).exits(0).stdout;
    assert_eq!(printed, std::fs::read_to_string(out.join("evo.1")).unwrap());
    // Where it cannot write, it says so.
    std::fs::write(dir.path().join("file"), "").unwrap();
    run(dir.path(), &["man", "--out", "file/man1"]).exits(3).says("cannot write the manual pages").says("--out");
}
