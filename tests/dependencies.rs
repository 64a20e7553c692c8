//! Licences, duplicate versions, banned crates and sources of all dependencies, as `deny.toml` says; needs no network.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn rules() -> toml::Table {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap().parse().unwrap()
}

fn names(rules: &toml::Table, section: &str, key: &str) -> BTreeSet<String> {
    let list = rules[section][key].as_array().unwrap();
    list.iter().map(|v| v.as_str().or_else(|| v["name"].as_str()).unwrap().to_owned()).collect()
}

/// One crate that the binary or its build is made of.
struct Package {
    name: String,
    version: String,
    /// SPDX expression; empty when it declares none.
    license: String,
    /// Where it comes from, when that is not the registry.
    elsewhere: Option<String>,
}

/// What cargo really builds for Linux, development dependencies left out. `cargo metadata` would also name what
/// features could switch on.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build", "--target", "x86_64-unknown-linux-gnu"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: BTreeSet<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    let packages: Vec<Package> = lines
        .iter()
        .filter(|line| !line.is_empty() && !line.starts_with("evo v"))
        .map(|line| {
            let (package, license) = line.split_once('\t').unwrap();
            let mut words = package.split(' ');
            let name = words.next().unwrap().to_owned();
            let version = words.next().unwrap().trim_start_matches('v').to_owned();
            let elsewhere = words.find(|word| word.contains("://") || word.starts_with("(/")).map(str::to_owned);
            Package { name, version, license: license.to_owned(), elsewhere }
        })
        .collect();
    assert!(packages.len() > 50, "cargo tree named only {} packages", packages.len());
    packages
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
        .filter(|p| !allowed(&p.license, &allow))
        .map(|p| format!("{} {}: {}", p.name, p.version, p.license))
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
        versions.entry(p.name).or_default().insert(p.version);
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
        assert!(!deny.contains(&p.name), "{} is banned", p.name);
        assert!(p.elsewhere.is_none(), "{} comes from {:?}", p.name, p.elsewhere);
    }
}
