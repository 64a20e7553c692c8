//! Licences, duplicate versions, banned crates, sources and known vulnerabilities of all dependencies, as
//! `deny.toml` says; needs no network.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
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

/// What cargo builds for Linux of other people's code, development dependencies left out. `cargo metadata`
/// would also name what features could switch on.
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
        .filter(|line| !line.is_empty() && !line.contains(concat!("(", env!("CARGO_MANIFEST_DIR"))))
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

/// Names and versions of everything in Cargo.lock, for other platforms and for tests as well.
fn locked() -> Vec<(String, semver::Version)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let lock: toml::Table = text.parse().unwrap();
    let package =
        |p: &toml::Value| (p["name"].as_str().unwrap().to_owned(), p["version"].as_str().unwrap().parse().unwrap());
    lock["package"].as_array().unwrap().iter().map(package).collect()
}

/// What a copy of RustSec's database says about these packages: vulnerabilities and unsound code, withdrawn
/// ones left out.
fn advisories(database: &Path, packages: &[(String, semver::Version)]) -> Vec<String> {
    let ignored = names(&rules(), "advisories", "ignore");
    let mut found = Vec::new();
    for (name, version) in packages {
        let folder = std::fs::read_dir(database.join("crates").join(name)).into_iter().flatten().flatten();
        for path in folder.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")) {
            let text = std::fs::read_to_string(&path).unwrap();
            let front = text.split("```").nth(1).and_then(|part| part.strip_prefix("toml")).unwrap();
            let table: toml::Table = front.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let advisory = &table["advisory"];
            let id = advisory["id"].as_str().unwrap();
            let is_notice = advisory.get("informational").is_some_and(|kind| kind.as_str() != Some("unsound"));
            if advisory.get("withdrawn").is_some() || is_notice || ignored.contains(id) {
                continue;
            }
            let is_safe = ["patched", "unaffected"].iter().any(|list| {
                let list =
                    table.get("versions").and_then(|versions| versions.get(list)).and_then(|list| list.as_array());
                let requirements = list.into_iter().flatten().map(|r| r.as_str().unwrap());
                requirements.into_iter().any(|r| semver::VersionReq::parse(r).unwrap().matches(version))
            });
            if !is_safe {
                found.push(format!("{id}: {name} {version}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn no_known_advisory_is_about_a_version_in_use() {
    // The database changes daily and lies elsewhere: scripts/advisories names it.
    let Some(database) = std::env::var_os("EVO_ADVISORIES") else { return };
    let packages = locked();
    assert!(packages.len() > 100);
    let found = advisories(Path::new(&database), &packages);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_advisory_is_noticed_unless_it_is_mended_elsewhere_or_withdrawn() {
    let database = tempfile::tempdir().unwrap();
    let write = |id: &str, name: &str, extra: &str, versions: &str| {
        let folder = database.path().join("crates").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("```toml\n[advisory]\nid = \"{id}\"\n{extra}\n[versions]\n{versions}\n```\n\n# A title\n");
        std::fs::write(folder.join(format!("{id}.md")), text).unwrap();
    };
    write("A-1", "tokio", "", "patched = [\"^1.8.4\", \">= 1.13.1\"]");
    write("A-2", "tokio", "", "patched = []\nunaffected = [\"< 1.2\"]");
    write("A-3", "tokio", "withdrawn = \"2025-01-01\"", "patched = []");
    write("A-4", "tokio", "informational = \"unmaintained\"", "patched = []");
    write("A-5", "bb8", "informational = \"unsound\"", "patched = [\">= 0.9.2\"]");
    let packages = |list: &[(&str, &str)]| -> Vec<(String, semver::Version)> {
        list.iter().map(|(name, version)| ((*name).to_owned(), version.parse().unwrap())).collect()
    };
    let found = |list| advisories(database.path(), &packages(list));
    assert_eq!(found(&[("tokio", "1.13.1"), ("bb8", "0.9.1")]), ["A-2: tokio 1.13.1", "A-5: bb8 0.9.1"]);
    assert_eq!(found(&[("tokio", "1.0.0")]), ["A-1: tokio 1.0.0"]);
    assert!(found(&[("bb8", "0.9.2"), ("serde", "1.0.0")]).is_empty());
}
