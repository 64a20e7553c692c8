//! The contract of the files under `sql/`: what each begins with, in one spelling.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The keys of a header in their order, by the folder of the file.
const KEYS: [(&str, &[&str]); 5] = [
    ("models", &["grain", "source", "parent key", "key"]),
    ("dimensions", &["purpose", "table", "key", "key type", "nobody", "name", "rows", "placeholders"]),
    ("checks", &["purpose", "for", "entity", "severity", "when", "parameter", "hint", "note"]),
    ("queries", &["purpose", "rows"]),
    ("", &["purpose", "parameters", "placeholders", "rows", "locks", "idempotent"]),
];
/// Keys that only some files of a folder have.
const OPTIONAL: [&str; 7] = ["parameters", "placeholders", "entity", "parameter", "note", "key type", "nobody"];
/// SQL types of parameters; each may be an array.
const TYPES: [&str; 10] =
    ["text", "int", "bigint", "boolean", "date", "timestamptz", "uuid", "jsonb", "bytea", "double precision"];

struct Statement {
    path: String,
    /// Keys with their values, in order.
    header: Vec<(String, String)>,
    body: String,
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.path());
    let mut files: Vec<PathBuf> = entries.flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "sql"));
    files.sort();
    files
}

fn statements() -> Vec<Statement> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        Statement::read(name, &std::fs::read_to_string(&path).unwrap())
    };
    files(&root).into_iter().map(read).collect()
}

fn keys(path: &str) -> &'static [&'static str] {
    KEYS.iter().find(|(folder, _)| path.starts_with(folder)).unwrap().1
}

impl Statement {
    /// A header is the comment at the beginning: keys, each with its continuation lines indented, then notes.
    fn read(path: String, text: &str) -> Self {
        let mut header: Vec<(String, String)> = Vec::new();
        let mut is_note = false;
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next_if(|line| line.starts_with("--")) {
            let key = line.strip_prefix("-- ").and_then(|line| line.split_once(": "));
            match key.filter(|(key, _)| keys(&path).contains(key)) {
                Some((key, value)) => {
                    assert!(!is_note, "{path}: {key} stands behind a note");
                    header.push((key.to_owned(), value.to_owned()));
                }
                None if line.starts_with("--  ") && !is_note => {
                    let (_, value) = header.last_mut().unwrap_or_else(|| panic!("{path} begins with {line:?}"));
                    value.push(' ');
                    value.push_str(line.trim_start_matches('-').trim());
                }
                None => is_note = true,
            }
        }
        Self { path, header, body: lines.collect::<Vec<_>>().join("\n") }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.header.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// Names in braces, as `fill` takes them.
    fn placeholders(text: &str) -> BTreeSet<&str> {
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
        names.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect()
    }

    /// Numbers behind a dollar sign.
    fn parameters(text: &str) -> BTreeSet<u32> {
        let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
        text.split('$').skip(1).filter_map(number).collect()
    }
}

#[test]
fn every_header_has_its_keys_in_one_spelling_and_order() {
    for Statement { path, header, .. } in statements() {
        let expected = keys(&path);
        let found: Vec<&str> = header.iter().map(|(key, _)| key.as_str()).collect();
        let place = |key: &&str| expected.iter().position(|expected| expected == key);
        assert!(found.is_sorted_by_key(place), "{path}: {found:?} is not in the order of {expected:?}");
        for key in expected.iter().filter(|key| !OPTIONAL.contains(key)) {
            assert!(found.contains(key), "{path} has no line \"-- {key}: …\"");
        }
        for (key, value) in &header {
            assert!(!value.trim().is_empty() && value.trim() == value, "{path}: {key} is {value:?}");
        }
    }
}

#[test]
fn every_parameter_and_placeholder_of_a_statement_is_explained_and_no_other() {
    for statement in statements().iter().filter(|s| keys(&s.path)[0] == "purpose" && keys(&s.path).contains(&"locks")) {
        let Statement { path, body, .. } = statement;
        let code: String = body.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let explained = statement.value("parameters").unwrap_or_default();
        let (used, known) = (Statement::parameters(&code), Statement::parameters(explained));
        // Further ones come with a part that is a file of its own.
        let has_part = ["{age}", "{groups}", "{is_known_row}", "{known_rows}"].iter().any(|part| code.contains(part));
        let is_explained = used == known || has_part && used.is_subset(&known);
        assert!(is_explained, "{path} uses {used:?}, its header has {explained}");
        for parameter in explained.split('$').skip(1) {
            let is_typed = parameter
                .split([' ', ',', ';'])
                .any(|word| TYPES.iter().any(|name| name.split(' ').next() == Some(word.trim_end_matches("[]"))));
            assert!(is_typed, "{path}: ${parameter} has no type");
        }
        let mut used = Statement::placeholders(&code);
        // What it writes into the statement that it returns.
        if path.ends_with("foreign_keys.sql") {
            used.remove("new");
        }
        let explained = statement.value("placeholders").unwrap_or_default();
        assert_eq!(used, Statement::placeholders(explained), "{path}: placeholders: {explained}");
    }
}

/// Statements that join a local table with the one in braces: a dimension, temporary tables, the ledger, and one that
/// has to be another statement on a cluster, because its equal costs a single server more.
const LOCAL_JOINS: [&str; 7] = [
    "ledger/waiting_runs.sql",
    "load/verdicts.sql",
    "transform/dimension_apply.sql",
    "transform/dimension_better.sql",
    "transform/dimension_compare.sql",
    "transform/dimension_lost.sql",
    "transform/increment/differing.sql",
];
/// Statements that recurse over the catalog; their braces stand for names.
const CATALOG_RECURSION: [&str; 1] = ["transform/generation/state.sql"];

/// Why Citus would refuse a statement, or copy a table to the coordinator, if what is in braces were distributed.
fn refused_by_citus(path: &str, code: &str) -> Vec<&'static str> {
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let has_placeholder = code.split('{').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    if !has_placeholder {
        return Vec::new();
    }
    let is_local = |rest: &str| ["pg_", "evo.", "unnest("].iter().any(|local| rest.starts_with(local));
    let joins = ["left join {", "right join {", "full join {"].iter().any(|join| code.contains(join));
    [
        (
            code.split("select from ").skip(1).any(|rest| !is_local(rest)),
            "selects no column: it cannot pass on the rows of such a subquery (write: select 1 from)",
        ),
        (
            code.contains("with recursive") && !CATALOG_RECURSION.contains(&path),
            "recurses: copy the rows to a temporary table first",
        ),
        (
            joins && !LOCAL_JOINS.contains(&path),
            "is an outer join to a table in braces: collect the matches first, with an inner join",
        ),
    ]
    .into_iter()
    .filter_map(|(is_so, why)| is_so.then_some(why))
    .collect()
}

#[test]
fn no_statement_has_a_form_that_citus_refuses_of_distributed_tables() {
    for Statement { path, body, .. } in statements() {
        let code: Vec<&str> = body.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let refused = refused_by_citus(&path, &code.join("\n"));
        assert!(refused.is_empty(), "{path} {}", refused.join(" and "));
    }
    for (code, forms) in [
        ("select exists (select\n  from {target})", 1),
        ("with recursive a as (select 1 from {rows}) select 1", 1),
        ("select 1 from stage s left join\n {target} t on true", 1),
        ("select exists (select from pg_class), '{}'", 0),
        ("select exists (select from evo.runs) from {target}", 0),
    ] {
        assert_eq!(refused_by_citus("x.sql", code).len(), forms, "{code}");
    }
}

#[test]
fn comments_of_statements_fit_a_screen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    for path in files(&root) {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.trim_start().starts_with("--")) {
            // The hint of a check is one line, because it is printed as it is.
            let is_printed = path.parent().unwrap().ends_with("checks");
            assert!(is_printed || line.chars().count() <= 120, "{}: {line}", path.display());
        }
    }
}

#[test]
fn digests_of_models_know_the_newest_migration_that_changes_a_cast() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let defines =
        |text: &str| ["as_", "try_", "to_iso"].iter().any(|name| text.contains(&format!("function evo.{name}")));
    let newest = files(&root)
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".up.sql") && defines(&std::fs::read_to_string(path).unwrap()))
        .filter_map(|path| path.file_name()?.to_str()?.split('_').next()?.parse::<u32>().ok())
        .max();
    assert_eq!(newest, Some(evo::entity::CASTS_CHANGED), "rows that older casts have made may be different");
}
