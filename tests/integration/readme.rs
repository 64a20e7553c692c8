//! What the README says to type works as it stands there, in an empty folder.

use std::path::Path;
use std::process::Command;

use crate::support::{Database, Run, binary};

/// The shell blocks of the README with what stands behind their `sh`, indentation taken away.
fn blocks() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines().map(str::trim) {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => open = Some((info.to_owned(), String::new())),
            (None, Some((info, code))) => open = Some((info, format!("{code}{line}\n"))),
            (None, None) => {}
        }
    }
    blocks.into_iter().filter(|(info, _)| info == "sh" || info.starts_with("sh ")).collect()
}

/// Runs a block as a person would paste it, with `evo` on the PATH; the first command that fails ends it.
fn paste(code: &str, dir: &Path, variables: &[(&str, &str)]) -> Run {
    let bin = Path::new(env!("CARGO_BIN_EXE_evo")).parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", code]).env("PAGER", "false").stdin(std::process::Stdio::null());
    let of_evo = binary(dir);
    command.env_clear().current_dir(dir).envs(of_evo.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path).envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn the_first_five_minutes_work_as_they_are_written() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let plain: Vec<String> = blocks().into_iter().filter(|(info, _)| info == "sh").map(|(_, code)| code).collect();
    assert!(plain.len() >= 3 && plain.iter().any(|code| code.contains("evo db destroy --yes")));
    let runs: Vec<Run> = plain.iter().map(|code| paste(code, dir.path(), &[]).exits(0)).collect();
    assert!(runs[0].stdout.contains("core.evo_sales"), "{}", runs[0].stdout);
    assert!(runs[1].stdout.contains("(5 rows)") && runs[1].stdout.contains(" 0 failed"), "{}", runs[1].stdout);
}

#[test]
fn the_commands_for_a_warehouse_of_ones_own_work_as_they_are_written() {
    let db = Database::bare();
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let place = [("EVO_DATABASE_URL", db.url.as_str()), ("EVO_LAKE", lake.to_str().unwrap())];
    paste("evo generate sales members --records 500", dir.path(), &place).exits(0);
    for (_, code) in blocks().into_iter().filter(|(info, _)| info == "sh env") {
        let (exports, rest): (Vec<&str>, Vec<&str>) = code.lines().partition(|line| line.starts_with("export "));
        assert!(!exports.is_empty() && rest.len() >= 5, "{code}");
        paste(&rest.join("\n"), dir.path(), &place).exits(0);
    }
    assert_eq!(db.one("select count(*) from core.evo_members"), "500");
    assert_eq!(db.one("select count(*) from core.evo_sales"), "500");
}

#[test]
fn what_is_not_run_here_names_files_and_flags_that_exist() {
    for (_, code) in blocks().into_iter().filter(|(info, _)| info == "sh no-run") {
        for word in code.split_whitespace().filter(|word| word.starts_with("./scripts/")) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{word}");
        }
        assert!(["./scripts/", "cargo install", "docker build"].iter().any(|known| code.contains(known)), "{code}");
    }
}
