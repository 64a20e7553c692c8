//! Licences, duplicate versions, banned crates and sources of all dependencies, as `deny.toml` says; needs no network.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

fn rules() -> toml::Table {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap().parse().unwrap()
}

fn names(rules: &toml::Table, section: &str, key: &str) -> BTreeSet<String> {
    let list = rules[section][key].as_array().unwrap();
    list.iter().map(|v| v.as_str().or_else(|| v["name"].as_str()).unwrap().to_owned()).collect()
}

/// Packages of the build for Linux, without development dependencies' own.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all: BTreeMap<&str, &Value> =
        metadata["packages"].as_array().unwrap().iter().map(|p| (p["id"].as_str().unwrap(), p)).collect();
    // What the binary is made of: normal and build edges from the root, not development ones.
    let nodes: BTreeMap<&str, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| (n["id"].as_str().unwrap(), n)).collect();
    let mut reached = BTreeSet::new();
    let mut next = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = next.pop() {
        if !reached.insert(id) {
            continue;
        }
        for dep in nodes[id]["deps"].as_array().unwrap() {
            if dep["dep_kinds"].as_array().unwrap().iter().any(|k| k["kind"] != "dev") {
                next.push(dep["pkg"].as_str().unwrap());
            }
        }
    }
    reached.into_iter().map(|id| all[id].clone()).filter(|p| p["name"] != "evo").collect()
}

/// Whether an SPDX expression of OR, AND and parentheses can be fulfilled with what is allowed.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut depth = 0_i32;
    let split = |word: &str| -> Option<(String, String)> {
        let mut depth = 0_i32;
        let bytes = expression.char_indices();
        for (i, c) in bytes {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 && expression[i..].starts_with(word) => {
                    return Some((expression[..i].to_owned(), expression[i + word.len()..].to_owned()));
                }
                _ => {}
            }
        }
        None
    };
    if let Some((left, right)) = split(" OR ") {
        return allowed(&left, allow) || allowed(&right, allow);
    }
    if let Some((left, right)) = split(" AND ") {
        return allowed(&left, allow) && allowed(&right, allow);
    }
    for c in expression.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
    }
    assert_eq!(depth, 0, "{expression}");
    let name = expression.trim();
    match name.strip_prefix('(').and_then(|n| n.strip_suffix(')')) {
        Some(inner) => allowed(inner, allow),
        None => allow.contains(name),
    }
}

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    let allow = names(&rules(), "licenses", "allow");
    let bad: Vec<String> = packages()
        .iter()
        .filter(|p| !p["license"].as_str().is_some_and(|l| allowed(l, &allow)))
        .map(|p| format!("{} {}: {}", p["name"], p["version"], p["license"]))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn licence_expressions_are_understood() {
    let allow: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    assert!(
        allowed("MIT OR GPL-3.0", &allow)
            && allowed("(MIT OR GPL-3.0) AND ISC", &allow)
            && allowed("MIT/Apache-2.0", &allow)
    );
    assert!(!allowed("MIT AND GPL-3.0", &allow) && !allowed("GPL-3.0", &allow));
}

#[test]
fn no_crate_is_there_twice_but_for_those_that_deny_toml_lists() {
    let skip = names(&rules(), "bans", "skip");
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for p in packages() {
        versions.entry(p["name"].as_str().unwrap().to_owned()).or_default().insert(p["version"].to_string());
    }
    let twice: Vec<_> = versions.iter().filter(|(name, v)| v.len() > 1 && !skip.contains(*name)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let needless: Vec<_> = skip.iter().filter(|name| versions.get(*name).is_none_or(|v| v.len() < 2)).collect();
    assert!(needless.is_empty(), "listed in deny.toml but there once: {needless:?}");
}

#[test]
fn no_banned_crate_is_used_and_all_come_from_the_registry() {
    let deny = names(&rules(), "bans", "deny");
    for p in packages() {
        assert!(!deny.contains(p["name"].as_str().unwrap()), "{} is banned", p["name"]);
        assert!(
            p["source"].as_str().is_some_and(|s| s.starts_with("registry+")),
            "{} comes from {}",
            p["name"],
            p["source"]
        );
    }
}
