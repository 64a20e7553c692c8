//! Circles of imports between the files of a room.

use std::collections::{BTreeMap, BTreeSet};

use super::source::code;

/// The module of a file: `pg/pool.rs` and `pg/pool/mod.rs` are both `pg::pool`.
fn module(name: &str) -> String {
    name.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
}

/// Paths that the code of a module imports or names, written from the crate's root.
fn imports(module: &str, is_mod: bool, code: &str) -> Vec<String> {
    let parent = |of: &str| of.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.to_owned());
    let here = module.to_owned();
    let mut found = Vec::new();
    for (prefix, base) in [
        ("super::super::", parent(&parent(&here))),
        ("super::", parent(&here)),
        ("crate::", String::new()),
        ("self::", here.clone()),
    ] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            for path in expand(rest) {
                found.push(if base.is_empty() { path } else { format!("{base}::{path}") });
            }
        }
    }
    if is_mod {
        for line in code.lines() {
            if let Some(rest) = line
                .strip_prefix("use ")
                .or_else(|| line.strip_prefix("pub use "))
                .or_else(|| line.strip_prefix("pub(super) use "))
                && line.starts_with("use ")
            {
                found.extend(expand(rest).into_iter().map(|path| format!("{here}::{path}")));
            }
        }
    }
    found
}

/// `a::{b, c::D}` → `a::b`, `a::c::D`; a path ends where it is no name any more.
pub(crate) fn expand(text: &str) -> Vec<String> {
    let head: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
    let rest = &text[head.len()..];
    if !head.is_empty() && !head.ends_with("::") || !rest.starts_with('{') {
        return vec![head.trim_end_matches(':').to_owned()];
    }
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in rest[1..].chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|part| format!("{head}{part}")).collect()
}

/// Which module of the same room a path leads to: the longest prefix that is a file, through re-exports of
/// `mod.rs`.
fn target(path: &str, modules: &BTreeMap<String, BTreeMap<String, String>>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    let length = (1..=parts.len()).rev().find(|n| modules.contains_key(&parts[..*n].join("::")))?;
    let owner = parts[..length].join("::");
    match parts.get(length).and_then(|item| modules[&owner].get(*item)) {
        Some(child) => Some(child.clone()),
        None => Some(owner),
    }
}

/// What a `mod.rs` re-exports: item → module that has it.
fn re_exports(module: &str, code: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for at in code.match_indices("use ").map(|(at, _)| at) {
        let line_start = code[..at].rfind('\n').map_or(0, |n| n + 1);
        if !code[line_start..at].trim_start().starts_with("pub") {
            continue;
        }
        for path in expand(code[at + 4..].trim_start()) {
            if let Some((child, item)) = path.rsplit_once("::") {
                found.insert(item.to_owned(), format!("{module}::{child}"));
            }
        }
    }
    found
}

/// Groups of files of one room that reach each other.
pub(crate) fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(next) = open.pop() {
            for to in edges.get(&next).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|from| (from, reach(from))).collect();
    let mut found = BTreeSet::new();
    for (from, seen) in &reached {
        if seen.contains(*from) {
            let group = seen.iter().filter(|to| reached.get(to).is_some_and(|back| back.contains(*from)));
            found.insert(group.cloned().collect());
        }
    }
    found
}

/// Which modules each module of the same room imports. `files` are names from `src/` on, with their texts.
pub(crate) fn graph(files: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let codes: Vec<(String, bool, String)> =
        files.iter().map(|(name, text)| (module(name), name.ends_with("mod.rs"), code(text))).collect();
    let has_children = |name: &String| files.iter().any(|(file, _)| module(file).starts_with(&format!("{name}::")));
    let modules: BTreeMap<String, BTreeMap<String, String>> =
        codes.iter().map(|(name, _, code)| (name.clone(), re_exports(name, code))).collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, _, code) in &codes {
        let room = name.split("::").next().unwrap();
        let targets = imports(name, has_children(name), code).into_iter().filter_map(|path| target(&path, &modules));
        let own = targets.filter(|to| to.split("::").next() == Some(room) && to != name);
        edges.entry(name.clone()).or_default().extend(own);
    }
    edges
}
