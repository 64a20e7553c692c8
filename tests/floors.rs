//! The architecture, checked: imports point down, one place per concern, and the house rules in
//! `floors/house.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "floors/circles.rs"]
mod circles;
#[path = "floors/house.rs"]
mod house;
#[path = "floors/source.rs"]
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use source::{code, files as sources};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Module → floor and place on it, from the table in the crate's documentation: there is one source.
fn floors() -> BTreeMap<String, (u32, usize)> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).unwrap();
    let mut floors = BTreeMap::new();
    for line in text.lines().filter_map(|l| l.strip_prefix("//! ")) {
        let Some((number, modules)) = line.split_once("  ") else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        let modules = modules.split("  ").next().unwrap();
        for (place, module) in modules.split('·').enumerate() {
            floors.insert(module.trim().to_owned(), (number, place));
        }
    }
    floors
}

/// The top-level module of a file: `src/load/plan.rs` and `src/load/mod.rs` are both `load`.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(ROOT).join("src")).unwrap();
    below.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Top-level modules that the code names as `crate::…` (or `evo::…` in main).
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "evo::"] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '.' || c == '\'') {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                found.extend(listed(list));
            } else {
                found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// First names of the entries of `a::{b, c}, d}…`, up to the closing brace.
fn listed(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    names.iter().map(|name| name.trim().split("::").next().unwrap().to_owned()).collect()
}

/// What a module imports against the floors.
fn violations(module: &str, code: &str, floors: &BTreeMap<String, (u32, usize)>) -> Vec<String> {
    let own = floors.get(module).copied();
    // On these floors the left one of the table may import the right one; elsewhere nobody looks sideways.
    let ordered = [6, 5, 0];
    let allowed = |(floor, place): (u32, usize)| {
        own.is_some_and(|(own, own_place)| {
            floor < own || (floor == own && ordered.contains(&floor) && own_place < place)
        })
    };
    imports(code)
        .into_iter()
        .filter(|other| other != module && floors.get(other).is_some_and(|at| !allowed(*at)))
        .map(|other| format!("{module} imports {other}"))
        .collect()
}

#[test]
fn imports_point_down() {
    let floors = floors();
    let mut bad = Vec::new();
    for path in sources(&Path::new(ROOT).join("src")) {
        let name = module(&path);
        if name == "lib" {
            continue;
        }
        assert!(floors.contains_key(&name), "module {name} stands on no floor of src/lib.rs");
        let text = code(&std::fs::read_to_string(&path).unwrap());
        // `super` from a top-level module's own file, or `super::super`, climbs out of it unseen by the check
        // below.
        let is_root = path.parent().unwrap().ends_with("src")
            || path.ends_with("mod.rs") && path.parent().unwrap().parent().unwrap().ends_with("src");
        if text.contains("super::super::") || is_root && text.contains("super::") {
            bad.push(format!("{}: climbs out with `super`: write `crate::…`", path.display()));
        }
        bad.extend(violations(&name, &text, &floors).into_iter().map(|v| format!("{}: {v}", path.display())));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_check_notices_an_import_that_points_up_or_sideways() {
    let floors = floors();
    assert_eq!(violations("pg", "use crate::ledger::runs;", &floors), ["pg imports ledger"]);
    assert_eq!(violations("load", "use crate::{error, transform};", &floors), ["load imports transform"]);
    assert_eq!(
        violations("load", "use crate::{pg::{Pool, Row}, transform::Job};", &floors),
        ["load imports transform"]
    );
    assert_eq!(violations("bronze", "fn f() { crate::pg::Pool::new() }", &floors), ["bronze imports pg"]);
    assert_eq!(violations("error", "use crate::retry::retry;", &floors), ["error imports retry"]);
    assert!(violations("load", "use crate::pg::Pool; use crate::error::Result;", &floors).is_empty());
}

#[test]
fn one_place_reads_the_environment_and_one_knows_the_driver() {
    for path in sources(&Path::new(ROOT).join("src")) {
        let name = module(&path);
        let text = code(&std::fs::read_to_string(&path).unwrap());
        for (needle, owner) in [("std::env", "config"), ("tokio_postgres", "pg"), ("object_store::", "bronze")] {
            assert!(
                name == owner || !text.contains(needle),
                "{} uses {needle}: that belongs to {owner}",
                path.display()
            );
        }
    }
}

#[test]
fn no_module_is_a_drawer() {
    for path in sources(&Path::new(ROOT).join("src")) {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_drawer = ["core", "common", "types", "util", "utils", "helpers"].contains(&stem.as_str());
        // The ledger's `models` is about the rows of evo.models: it has an owner.
        assert!(!is_drawer && (stem != "models" || module(&path) == "ledger"), "{} is a drawer", path.display());
    }
}
