//! The documentation says what the program does.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;

use evo::config::KEYS;
use evo::error::{KINDS, Kind, Signal};
use evo::pg::sqlstate::SQLSTATES;
use evo::telemetry::METRICS;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Asserts that the part of a page between `<!-- generated -->` and `<!-- end -->` is this text. The page as
/// it should be is written to the tests' temporary folder, to be copied from there.
fn assert_generated(page: &str, generated: &str) {
    let text = read(page);
    let (head, rest) = text.split_once("<!-- generated -->\n").unwrap();
    let (found, tail) = rest.split_once("<!-- end -->\n").unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(Path::new(page).file_name().unwrap());
    std::fs::write(&path, format!("{head}<!-- generated -->\n{generated}<!-- end -->\n{tail}")).unwrap();
    assert!(found == generated, "{page} is out of date: cp {} {page}", path.display());
}

/// A list item with its lines wrapped as prose is.
fn item(text: &str) -> String {
    let mut lines = vec![String::from("-")];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() > 110) {
            lines.push(String::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            *line += " ";
            *line += word;
        }
    }
    lines.join("\n") + "\n"
}

/// The list of `docs/configuration.md`, from the program.
fn settings_list() -> String {
    let mut text = String::new();
    for key in KEYS {
        assert_eq!(key.variable, format!("EVO_{}", key.name.to_uppercase().replace('.', "_")));
        let flag = key.flag.map_or(String::new(), |flag| format!(", `{flag}`"));
        let takes = key.takes.to_string();
        let takes = if takes.is_empty() { takes } else { format!("; {takes}") };
        let default = key.default.map_or(String::new(), |default| format!("; default `{default}`"));
        text += &item(&format!("**`{}`**{flag}{takes}{default}: {}.", key.name, key.doc));
    }
    text
}

#[test]
fn configuration_md_holds_every_setting_with_its_range() {
    assert_generated("docs/configuration.md", &settings_list());
}

/// The exit codes of a kind: one, but for a job that a signal stopped.
fn exit_codes(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Stopped => {
            let code = |signal: Signal| kind.facts().exit_code + signal.number();
            [Signal::Hangup, Signal::Interrupt, Signal::Terminate].map(code).to_vec()
        }
        _ => vec![kind.facts().exit_code],
    }
}

/// The list of kinds and the table of SQLSTATEs of `docs/errors.md`, from the program.
fn error_tables() -> String {
    let mut text = String::new();
    for row in KINDS {
        let codes: Vec<String> = exit_codes(row.kind).iter().map(u8::to_string).collect();
        text += &format!("### `{:?}`: exit {}\n\n", row.kind, codes.join(", "));
        text += &item(&format!("**What happened:** {}.", row.meaning));
        text += &item(&format!("**What evo does:** {}.", row.does));
        text += &item(&format!("**What to do:** {}.", row.advice));
        text += "\n";
    }
    text += "## Which SQLSTATE is which kind\n\n| SQLSTATE | kind | what the server means |\n|---|---|---|\n";
    for (code, kind, meaning) in SQLSTATES {
        text += &format!("| {code} | `{kind:?}` | {meaning} |\n");
    }
    text
}

#[test]
fn errors_md_holds_the_tables_of_the_program() {
    assert_generated("docs/errors.md", &error_tables());
}

#[test]
fn telemetry_md_holds_every_metric_with_its_unit_and_attributes() {
    let list: String = METRICS
        .iter()
        .map(|metric| {
            let attributes: Vec<String> = metric.attributes.iter().map(|name| format!("`{name}`")).collect();
            let by = if attributes.is_empty() { String::new() } else { format!(", by {}", attributes.join(" and ")) };
            let (name, kind, unit) = (metric.name, metric.instrument.name(), metric.unit);
            item(&format!("**`{name}`**, {kind}, `{unit}`{by}: {}.", metric.doc))
        })
        .collect();
    assert_generated("docs/telemetry.md", &list);
}

/// What a statement is for, from its header, in one line.
fn purpose(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let header = text.lines().take_while(|line| line.starts_with("--")).map(|line| line.trim_start_matches('-'));
    let mut lines = header.skip_while(|line| !line.starts_with(" purpose: "));
    let first = lines.next().unwrap().trim_start_matches(" purpose: ").to_owned();
    lines.take_while(|line| line.starts_with("  ")).fold(first, |text, line| format!("{text} {}", line.trim()))
}

#[test]
fn the_readme_of_the_statements_lists_each_with_its_purpose() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut text = String::new();
    let folders = [
        "ledger",
        "extract",
        "load",
        "transform",
        "transform/increment",
        "transform/generation",
        "transform/issues",
        "transform/compare",
        "transform/missing",
    ];
    for folder in folders.iter().chain(&[
        "drift",
        "verify",
        "dimensions",
        "checks",
        "queries",
        "status",
        "storage",
        "doctor",
        "catalog",
        "pg",
    ]) {
        text += &format!("\n### {folder}\n\n");
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.is_file());
        files.sort();
        for path in files {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            text += &item(&format!("`{name}`: {}", purpose(&path)));
        }
    }
    assert_generated("sql/README.md", &format!("{text}\n"));
}

#[test]
fn scale_md_holds_the_tables_that_its_script_computes() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/simulate-scale");
    let done = std::process::Command::new(&script).output().unwrap();
    let (page, text) = (read("docs/scale.md"), String::from_utf8(done.stdout).unwrap());
    let tables: Vec<&str> = text.split("\n\n").map(str::trim).collect();
    assert_eq!(tables.len(), 3, "{text}{}", String::from_utf8_lossy(&done.stderr));
    let is_on_page = |table: &&str| page.contains(&format!("-->\n{table}\n<!--"));
    assert!(tables.iter().all(is_on_page), "docs/scale.md is out of date: {} --render", script.display());
}

#[test]
fn every_exit_code_has_a_page_in_the_runbook() {
    let text = read("docs/runbook.md");
    for code in KINDS.iter().flat_map(|row| exit_codes(row.kind)) {
        let headings = text.lines().filter(|line| line.starts_with("## "));
        let found = headings.flat_map(|line| line.split([' ', ':', ','])).any(|word| word == code.to_string());
        assert!(found, "docs/runbook.md has no page for exit code {code}");
    }
}

/// Counts the tests of each fault: `fn fault_07_…`.
fn fault_tests(dir: &Path, found: &mut BTreeMap<u32, usize>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            fault_tests(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for number in text.split("\nfn fault_").skip(1).map(|rest| rest.split('_').next().unwrap()) {
            *found.entry(number.parse().unwrap()).or_default() += 1;
        }
    }
}

#[test]
fn every_fault_has_a_section_that_says_how_many_tests_it_has() {
    let text = read("docs/faults.md");
    let mut tests = BTreeMap::new();
    fault_tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration"), &mut tests);
    let sections = text.lines().filter_map(|line| line.strip_prefix("### ")?.split(". ").next()?.parse().ok());
    let sections: Vec<u32> = sections.collect();
    assert!(!sections.is_empty(), "docs/faults.md has no sections");
    assert_eq!(tests.keys().copied().collect::<Vec<_>>(), sections, "a fault without a test or without a section");
    for (number, count) in tests {
        let section = text.split("\n### ").find(|part| part.starts_with(&format!("{number}. "))).unwrap_or_default();
        let named = match count {
            1 => format!("`fault_{number:02}_…`"),
            _ => format!("`fault_{number:02}_…` ({count})"),
        };
        let said = section.lines().find_map(|line| line.strip_prefix("- **Tests:** ")).unwrap_or_default();
        assert!(said.split(',').any(|part| part.trim() == named), "fault {number} does not say {named}: {said:?}");
    }
}

/// The names of findings in a folder of the code: literals such as `rights.owner`.
fn finding_ids(dir: &Path, found: &mut Vec<String>) {
    const GROUPS: [&str; 14] = [
        "api",
        "connection",
        "connections",
        "disk",
        "lake",
        "leftovers",
        "replication",
        "rights",
        "role",
        "schema",
        "server",
        "settings",
        "tables",
        "transactions",
    ];
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(path).unwrap();
        let is_id = |literal: &&str| {
            let parts = literal.split_once('.');
            let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            parts.is_some_and(|(group, name)| GROUPS.contains(&group) && is_name(name))
        };
        found.extend(text.split('"').filter(is_id).map(str::to_owned));
    }
}

#[test]
fn every_finding_of_the_doctor_is_on_its_page() {
    let (root, page, mut ids) = (Path::new(env!("CARGO_MANIFEST_DIR")), read("docs/doctor.md"), Vec::new());
    for folder in ["src/doctor", "src/commands/doctor"] {
        finding_ids(&root.join(folder), &mut ids);
    }
    assert!(ids.len() > 30, "{ids:?}");
    let missing: Vec<&String> = ids.iter().filter(|id| !page.contains(&format!("`{id}`"))).collect();
    assert!(missing.is_empty(), "docs/doctor.md says nothing of {missing:?}");
}

/// The anchor that a heading gets: lowercase, hyphens for blanks, no punctuation.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || "- _".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Every page, by its path in the repository.
fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "docs/decisions", "jobs", "migrations", "sql"];
    let mut found: Vec<String> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert!(found.len() > 30 && found.contains(&"README.md".to_owned()), "{found:?}");
    found
}

/// The lines of a page that a person wrote: not what a measurement writes between its marks.
fn written(page: &str) -> Vec<(usize, String)> {
    let mut is_measured = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(read(page).lines()) {
        is_measured = (is_measured || line.starts_with("<!-- bench:")) && !line.starts_with("<!-- /bench");
        if !is_measured {
            lines.push((number, line.to_owned()));
        }
    }
    lines
}

#[test]
fn no_line_of_the_documentation_is_wider_than_120_columns() {
    let pages = pages();
    let lines = pages.iter().flat_map(|page| written(page).into_iter().map(move |(number, line)| (page, number, line)));
    let wide: Vec<String> = lines
        .filter(|(_, _, line)| line.chars().count() > 120)
        .map(|(page, number, _)| format!("{page}:{number}"))
        .collect();
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

/// What the first table under "Words" in CONTRIBUTING.md says to avoid.
fn words_to_avoid() -> Vec<String> {
    let text = read("CONTRIBUTING.md");
    let (_, table) = text.split_once("| avoid | write |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split(", ").map(|word| word.trim().to_owned())).collect()
}

#[test]
fn the_documentation_avoids_the_words_that_contributing_lists() {
    let words = words_to_avoid();
    assert!(words.len() >= 5, "{words:?}");
    let mut found = Vec::new();
    for page in pages().iter().filter(|page| *page != "CONTRIBUTING.md") {
        let text: Vec<String> = written(page).into_iter().map(|(_, line)| line.to_lowercase()).collect();
        let text = format!(" {} ", text.join(" ").replace(|c: char| !c.is_alphanumeric(), " "));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let hits = words.iter().filter(|word| format!(" {text} ").contains(&format!(" {word} ")));
        found.extend(hits.map(|word| format!("{page}: {word}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = read("docs/architecture.md");
    let names = text.split('`').skip(1).step_by(2).filter(|name| !name.contains(['<', '*', ' ', '{', '…']));
    let files: Vec<&str> =
        names.filter(|name| name.ends_with('/') || name.ends_with(".rs") || name.ends_with(".sql")).collect();
    assert!(files.len() > 40, "{files:?}");
    let missing: Vec<&&str> = files
        .iter()
        .filter(|file| !["src", "", "tests/integration"].iter().any(|folder| root.join(folder).join(file).exists()))
        .collect();
    assert!(missing.is_empty(), "docs/architecture.md names what is not there: {missing:?}");
    let rooms = std::fs::read_dir(root.join("src")).unwrap().map(|entry| entry.unwrap().path());
    for room in rooms.filter(|path| path.is_dir()) {
        let name = format!("{}/", room.file_name().unwrap().to_str().unwrap());
        assert!(files.contains(&name.as_str()), "docs/architecture.md says nothing of src/{name}");
    }
}

#[test]
fn the_architecture_lists_every_table_of_the_ledger() {
    let page = read("docs/architecture.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        tables.extend(
            text.split("create table ").skip(1).filter_map(|rest| rest.split([' ', '\n']).next().map(str::to_owned)),
        );
    }
    tables.retain(|table| table.starts_with("evo."));
    assert!(tables.len() > 15, "{tables:?}");
    tables.retain(|table| !page.contains(&format!("`{table}`")));
    assert!(tables.is_empty(), "docs/architecture.md says nothing of {tables:?}");
}

#[test]
fn the_list_of_decisions_has_each_with_its_title() {
    let list = read("docs/decisions/README.md");
    let decisions: Vec<String> = pages().into_iter().filter(|page| page.starts_with("docs/decisions/0")).collect();
    for page in &decisions {
        let text = read(page);
        let title = text.lines().next().unwrap().trim_start_matches(|c: char| "# .0123456789".contains(c));
        let file = page.rsplit('/').next().unwrap();
        let number: u32 = file.split('-').next().unwrap().parse().unwrap();
        let line = format!("{number}. [{title}]({file})");
        assert!(list.lines().any(|listed| listed == line), "docs/decisions/README.md has no line {line}");
    }
}

#[test]
fn the_schemas_for_editors_are_those_of_the_parsers() {
    for (name, schema) in [("evo", evo::config::settings_schema()), ("entity", evo::entity::declaration_schema())] {
        let file = format!("docs/schemas/{name}.schema.json");
        let command = if name == "evo" { "settings" } else { "entity" };
        assert!(read(&file) == format!("{schema:#}\n"), "write it again: evo config schema {command} > {file}");
    }
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    for file in &pages() {
        let text = read(file);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let page =
                if path.is_empty() { Path::new(env!("CARGO_MANIFEST_DIR")).join(file) } else { folder.join(path) };
            assert!(page.exists(), "{file} links to {link}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(page).unwrap();
                let mut headings = text.lines().filter_map(|line| Some(anchor_of(line.strip_prefix('#')?)));
                assert!(headings.any(|heading| heading == anchor), "{file} links to {link}: no such heading");
            }
        }
    }
}
