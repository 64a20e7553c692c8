//! What the README and the quickstart say to type works as it is written, in an empty folder.

use std::path::Path;
use std::process::Command;

use crate::support::{Database, Run, binary};

/// The shell blocks of a page with what follows their `sh`. Indentation is removed.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
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

/// A folder that the private server's user may enter.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Runs a block as if it were pasted into a shell, with `evo` on the PATH. It ends at the first command that
/// fails.
fn paste(code: &str, dir: &Path, variables: &[(&str, &str)]) -> Run {
    let bin = Path::new(env!("CARGO_BIN_EXE_evo")).parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", code]).env("PAGER", "false").stdin(std::process::Stdio::null());
    let evo = binary(dir);
    command.env_clear().current_dir(dir).envs(evo.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path).envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn the_first_five_minutes_work_as_they_are_written() {
    let dir = folder();
    let plain: Vec<String> =
        blocks("README.md").into_iter().filter(|(info, _)| info == "sh").map(|(_, code)| code).collect();
    assert!(plain.len() >= 3 && plain.iter().any(|code| code.contains("evo db destroy --yes")));
    let runs: Vec<Run> = plain.iter().map(|code| paste(code, dir.path(), &[]).exits(0)).collect();
    assert!(runs[0].stdout.contains("core.evo_sales"), "{}", runs[0].stdout);
    assert!(runs[1].stdout.contains("(5 rows)") && runs[1].stdout.contains(" 0 failed"), "{}", runs[1].stdout);
}

#[test]
fn the_quickstart_works_as_it_is_written() {
    let dir = folder();
    let code: Vec<String> = blocks("docs/quickstart.md").into_iter().map(|(_, code)| code).collect();
    let runs: Vec<Run> = code.iter().map(|code| paste(code, dir.path(), &[]).exits(0)).collect();
    let [.., loaded, changed, cleaned] = runs.as_slice() else { panic!("{} blocks", runs.len()) };
    assert!(loaded.stdout.contains("(3 rows)") && loaded.stdout.contains("12.50"), "{}", loaded.stdout);
    assert!(changed.stdout.contains("(4 rows)") && changed.stdout.contains("9.90"), "{}", changed.stdout);
    assert!(changed.stdout.contains("visits.jsonl") && changed.stdout.contains("free"), "{}", changed.stdout);
    assert!(!dir.path().join(".evo/postgres").exists(), "{}", cleaned.stdout);
}

#[test]
fn the_page_about_your_own_data_works_as_it_is_written() {
    let dir = folder();
    let code: Vec<String> = blocks("docs/own-data.md").into_iter().map(|(_, code)| code).collect();
    let runs: Vec<Run> = code.iter().map(|code| paste(code, dir.path(), &[]).exits(0)).collect();
    let [_, drafted, loaded, looked, changed, followed, versions, refused, updated] = runs.as_slice() else {
        panic!("{} blocks", runs.len())
    };
    assert!(drafted.stdout.contains("core.order_lines") && drafted.stdout.contains("tried out with 3 documents"));
    assert!(loaded.stdout.contains("(3 rows)") && loaded.stdout.contains("Recife"), "{}", loaded.stdout);
    assert!(looked.stdout.contains("1 test passed, 0 tests failed"), "{}", looked.stdout);
    assert!(changed.stdout.contains("(4 rows)") && changed.stdout.contains("Natal"), "{}", changed.stdout);
    assert!(changed.stdout.contains("free"), "{}", changed.stdout);
    let marked: Vec<&str> = followed.stdout.lines().filter(|line| line.contains("| 20")).collect();
    assert!(followed.stdout.contains("(6 rows)"), "{}", followed.stdout);
    assert!(marked.len() == 1 && marked[0].contains("Ivo"), "{}", followed.stdout);
    let shown = &versions.stdout;
    assert!(shown.contains("(5 rows)") && shown.contains(" 0 failed"), "{shown}");
    let of_a_day = shown.rsplit("(5 rows)").next().unwrap();
    assert!(of_a_day.contains("(2 rows)") && of_a_day.contains(" 50\n") && of_a_day.contains(" 90\n"), "{of_a_day}");
    assert!(refused.stdout.contains("exit code 6"), "{}", refused.stdout);
    assert!(refused.stderr.contains("new field customer.vip (boolean)"), "{}", refused.stderr);
    assert!(refused.stdout.contains("lines[].price"), "{}", refused.stdout);
    assert!(updated.stdout.contains("SUMMER") && updated.stdout.contains("(5 rows)"), "{}", updated.stdout);
}

#[test]
fn the_commands_for_your_own_warehouse_work_as_they_are_written() {
    let db = Database::bare();
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let place = [("EVO_DATABASE_URL", db.url.as_str()), ("EVO_LAKE", lake.to_str().unwrap())];
    paste("evo generate sales members --records 500", dir.path(), &place).exits(0);
    for (_, code) in blocks("README.md").into_iter().filter(|(info, _)| info == "sh env") {
        let (exports, rest): (Vec<&str>, Vec<&str>) = code.lines().partition(|line| line.starts_with("export "));
        assert!(!exports.is_empty() && rest.len() >= 5, "{code}");
        paste(&rest.join("\n"), dir.path(), &place).exits(0);
    }
    assert_eq!(db.one("select count(*) from core.evo_members"), "500");
    assert_eq!(db.one("select count(*) from core.evo_sales"), "500");
}

#[test]
fn the_documented_way_back_undoes_every_migration_and_leads_forward_again() {
    let db = Database::bare();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"), dir.path().join("migrations"))
        .unwrap();
    let place = [("EVO_DATABASE_URL", db.url.as_str())];
    paste("evo migrate", dir.path(), &place).exits(0);
    // The first one takes the ledger with it. Numbers may be missing.
    let versions = db.sql("select version from evo.schema_history where version > 1 order by version desc");
    let (_, code) = blocks("README.md").into_iter().find(|(info, _)| info == "sh rollback").unwrap();
    for version in versions.iter().map(|row| row[0].parse::<u32>().unwrap()) {
        let lines = code.lines().map(|line| match line.starts_with("version=") {
            true => format!("version={version:04}"),
            false => line.to_owned(),
        });
        paste(&lines.collect::<Vec<_>>().join("\n"), dir.path(), &place).exits(0);
    }
    assert_eq!(db.one("select string_agg(version::text, ',') from evo.schema_history"), "1");
    paste("evo migrate && evo status --ledger-only", dir.path(), &place).exits(0);
}

#[test]
fn what_is_not_run_here_names_files_and_flags_that_exist() {
    for (_, code) in blocks("README.md").into_iter().filter(|(info, _)| info == "sh no-run") {
        for word in code.split_whitespace().filter(|word| word.starts_with("./scripts/")) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(word).exists(), "{word}");
        }
        assert!(["./scripts/", "cargo install", "docker build"].iter().any(|known| code.contains(known)), "{code}");
    }
}
