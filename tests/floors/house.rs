//! The house rules that a compiler does not check: names, sizes, circles, and what belongs in one place only.
//!
//! Each rule has a list of exceptions. The lists only shrink.

use std::collections::{BTreeMap, BTreeSet};

use super::circles::{circles, expand, graph};
use super::source::{code, generator, named_files, src};

/// Files that are still over 400 lines.
const LONG_FILES: &[&str] = &[];

/// Rooms whose files still import each other in a circle.
const ROOMS_WITH_CIRCLES: &[&str] = &[];

/// Types that more than one file may declare.
const SHARED_NAMES: &[&str] = &["Args", "State"];

/// Public types that still share a name.
const DUPLICATE_NAMES: &[&str] = &[];

/// Files with lines that are still over 120 columns.
const WIDE_FILES: &[&str] = &[];

/// Files with comments that are still over 110 columns.
const WIDE_COMMENTS: &[&str] = &[];

/// Files with functions that are still over 60 lines.
const LONG_FUNCTIONS: &[&str] = &[];

/// Files that may sleep.
const SLEEPERS: &[&str] = &[
    "bronze/throttle.rs",
    "citus/prepared.rs",
    "embedded/liveness.rs",
    "embedded/process.rs",
    "failpoint/armed.rs",
    "load/heartbeat.rs",
    "pg/lock.rs",
    "pg/recovery.rs",
    "pg/room.rs",
    "shutdown.rs",
];

/// Files that still hold SQL of more than one line.
const SQL_IN_CODE: &[&str] = &["entity/model/tests.rs", "transform/reading/tests.rs"];

/// Files that still write a SQLSTATE as a literal.
const SQLSTATES_IN_CODE: &[&str] = &[];

/// Files that still use a lock that can be poisoned.
const POISONED_LOCKS: &[&str] = &[];

/// Fails with what breaks a rule, a line each. An exception is a name, or a folder with a `/` at its end.
fn assert_none(rule: &str, found: impl IntoIterator<Item = (String, String)>, exceptions: &[&str]) {
    let bad: Vec<String> = found
        .into_iter()
        .filter(|(name, _)| !exceptions.iter().any(|e| name == e || e.ends_with('/') && name.starts_with(e)))
        .map(|(name, detail)| format!("  {name}: {detail}"))
        .collect();
    assert!(bad.is_empty(), "{rule}:\n{}", bad.join("\n"));
}

/// The files of the crate.
fn texts() -> impl Iterator<Item = (String, String)> {
    named_files(&src()).into_iter().map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
}

/// The files of the generator.
fn texts_of_generator() -> impl Iterator<Item = (String, String)> {
    named_files(&generator()).into_iter().map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
}

/// The files of both crates.
fn all_texts() -> impl Iterator<Item = (String, String)> {
    texts().chain(texts_of_generator().map(|(name, text)| (format!("generator/{name}"), text)))
}

#[test]
fn no_file_is_over_400_lines() {
    let long = all_texts().map(|(name, text)| (name, text.lines().count())).filter(|(_, lines)| *lines > 400);
    assert_none("files over 400 lines", long.map(|(name, lines)| (name, lines.to_string())), LONG_FILES);
}

#[test]
fn no_line_is_over_120_columns() {
    let wide = all_texts().flat_map(|(name, text)| {
        let wide: Vec<_> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.chars().count() > 120)
            .map(|(at, _)| (name.clone(), format!("line {}", at + 1)))
            .collect();
        wide
    });
    assert_none("lines over 120 columns", wide, WIDE_FILES);
}

/// Numbers of the comment lines that are over 110 columns. Tables and drawings may be wider.
fn wide_comments(text: &str) -> Vec<usize> {
    let mut is_drawing = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else { continue };
        let comment = comment.trim_start_matches(['/', '!']).trim_start();
        if comment.starts_with("```") {
            is_drawing = !is_drawing;
        }
        if !is_drawing && !comment.starts_with('|') && line.chars().count() > 110 {
            found.push(at + 1);
        }
    }
    found
}

#[test]
fn comments_wrap_at_110_columns() {
    let wide = all_texts().flat_map(|(name, text)| {
        let wide: Vec<_> = wide_comments(&text).iter().map(|at| (name.clone(), format!("line {at}"))).collect();
        wide
    });
    assert_none("comments over 110 columns", wide, WIDE_COMMENTS);
}

/// Name and length of each function, by the indentation that rustfmt gives it.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words = code.split("fn ").next().unwrap_or_default();
        let is_head = code.contains("fn ")
            && words
                .split_whitespace()
                .all(|w| ["pub", "async", "const", "unsafe"].contains(&w) || w.starts_with("pub("));
        if !is_head {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let is_declaration =
            |from: usize| lines[from..].iter().find(|l| l.ends_with(['{', ';', '}'])).is_some_and(|l| l.ends_with(';'));
        if is_declaration(start) {
            continue;
        }
        let length = lines[start..].iter().position(|l| *l == end).map_or(1, |at| at + 1);
        let name: String = code[words.len() + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push((name, length));
    }
    found
}

#[test]
fn no_function_is_over_60_lines() {
    let long = all_texts().filter(|(name, _)| !name.ends_with("tests.rs")).flat_map(|(name, text)| {
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
        let long = functions(&text).into_iter().filter(|(_, lines)| *lines > 60);
        long.map(|(function, lines)| (name.clone(), format!("{function} has {lines}"))).collect::<Vec<_>>()
    });
    assert_none("functions over 60 lines", long, LONG_FUNCTIONS);
}

#[test]
fn no_two_public_types_share_a_name() {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in texts() {
        for line in code(&text).lines() {
            let words: Vec<&str> = line.split([' ', '<', '(', ';', '{', ':']).collect();
            let is_public = line.trim_start().starts_with("pub");
            let at = words.iter().position(|w| ["struct", "enum", "trait", "type", "union"].contains(w));
            if let (true, Some(at)) = (is_public, at)
                && let Some(found) = words.get(at + 1).filter(|w| w.starts_with(char::is_uppercase))
            {
                owners.entry((*found).to_owned()).or_default().insert(name.clone());
            }
        }
    }
    let shared = owners.into_iter().filter(|(name, files)| files.len() > 1 && !SHARED_NAMES.contains(&name.as_str()));
    let shared = shared.map(|(name, files)| (name, files.into_iter().collect::<Vec<_>>().join(", ")));
    assert_none("public types of one name", shared, DUPLICATE_NAMES);
}

#[test]
fn only_listed_files_sleep() {
    let sleepers = texts().filter(|(_, text)| code(text).contains("sleep(") || code(text).contains("sleep_until("));
    assert_none("files that sleep", sleepers.map(|(name, _)| (name, "sleeps".to_owned())), SLEEPERS);
}

/// The string literals of a file, as written.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if rest.starts_with("r#\"") {
            let (literal, after) = rest[3..].split_once("\"#").unwrap_or((&rest[3..], ""));
            found.push(literal.to_owned());
            rest = after;
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| match (escaped, c) {
                (true, _) => {
                    escaped = false;
                    false
                }
                (false, '\\') => {
                    escaped = true;
                    false
                }
                (false, c) => c == '"',
            });
            let end = end.map_or(rest.len(), |end| end + 1);
            found.push(rest[1..end].to_owned());
            rest = rest.get(end + 1..).unwrap_or("");
        } else if c == '\'' && (rest.get(2..3) == Some("'") || rest.starts_with("'\\")) {
            // A character, which may be a quote.
            let end = rest[2..].find('\'').map_or(rest.len(), |end| end + 3);
            rest = &rest[end..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

#[test]
fn sql_of_more_than_one_line_is_a_file() {
    const VERBS: [&str; 12] = [
        "select ",
        "insert into ",
        "update ",
        "delete from ",
        "with ",
        "create ",
        "drop ",
        "begin",
        "set local ",
        "lock table ",
        "copy ",
        "alter ",
    ];
    let is_sql = |literal: &String| {
        let text = literal.trim_start();
        let joined = text.contains(';')
            || [" from ", " set ", " table ", " where ", " values "].iter().any(|w| text.contains(w));
        literal.contains('\n') && joined && VERBS.iter().any(|verb| text.starts_with(verb))
    };
    let found = texts().flat_map(|(name, text)| {
        let sql = literals(&code(&text)).into_iter().filter(is_sql);
        sql.map(|sql| (name.clone(), sql.chars().take(60).collect())).collect::<Vec<_>>()
    });
    assert_none("SQL of more than one line in the code", found, SQL_IN_CODE);
}

#[test]
fn a_message_counts_in_the_right_number() {
    // `1 object`, `2 objects`: see counted.rs.
    let is_open = |literal: &String| ["(s)", "(es)", "(ies)"].iter().any(|end| literal.contains(end));
    let found = texts().flat_map(|(name, text)| {
        let open = literals(&code(&text)).into_iter().filter(is_open);
        open.map(|literal| (name.clone(), literal)).collect::<Vec<_>>()
    });
    assert_none("nouns whose number is left open (use counted)", found, &[]);
}

#[test]
fn sqlstates_have_names() {
    let is_code = |literal: &String| {
        literal.len() == 5
            && literal.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && literal.bytes().any(|b| b.is_ascii_digit())
            && !["20000", "10001"].contains(&literal.as_str())
    };
    // The decoder gives the codes that the server would give, and stands beside it.
    let found = texts().filter(|(name, _)| name != "pg/sqlstate.rs" && !name.starts_with("stage/"));
    let found = found.flat_map(|(name, text)| {
        let codes = literals(&code(&text)).into_iter().filter(is_code);
        codes.map(|code| (name.clone(), code)).collect::<Vec<_>>()
    });
    assert_none("SQLSTATEs as literals (name them in pg/sqlstate.rs)", found, SQLSTATES_IN_CODE);
}

#[test]
fn no_lock_can_be_poisoned() {
    let is_std = |text: &str| {
        let code = code(text);
        code.contains("PoisonError")
            || code.contains("sync::Mutex")
            || code.contains("std::sync::{") && {
                let list = code.split("std::sync::{").nth(1).unwrap().split('}').next().unwrap();
                list.contains("Mutex") || list.contains("RwLock") || list.contains("Condvar")
            }
    };
    let found = texts().filter(|(_, text)| is_std(&text.replace("tokio::sync::Mutex", "")));
    assert_none(
        "locks that can be poisoned (use parking_lot)",
        found.map(|(name, _)| (name, "std::sync".to_owned())),
        POISONED_LOCKS,
    );
}

#[test]
fn no_circle_ties_the_files_of_a_room() {
    let crates: [Vec<(String, String)>; 2] = [texts().collect(), texts_of_generator().collect()];
    let found = crates.into_iter().flat_map(|mut files| {
        files.retain(|(name, _)| !name.ends_with("tests.rs"));
        let groups = circles(&graph(&files)).into_iter();
        groups.map(|group| (group[0].split("::").next().unwrap().to_owned(), group.join(" ↔ "))).collect::<Vec<_>>()
    });
    assert_none("circles of imports", found, ROOMS_WITH_CIRCLES);
}

#[test]
fn the_checks_notice_what_they_are_for() {
    let files = [
        ("a/mod.rs".to_owned(), "mod b;\nmod c;\npub use c::C;\n".to_owned()),
        ("a/b.rs".to_owned(), "use super::C;\n".to_owned()),
        ("a/c.rs".to_owned(), "use super::b::{B, D};\n".to_owned()),
        ("a/d.rs".to_owned(), "use super::b::B;\nuse crate::z::Z;\n".to_owned()),
    ];
    assert_eq!(circles(&graph(&files)).into_iter().collect::<Vec<_>>(), [vec!["a::b".to_owned(), "a::c".to_owned()]]);
    let files = [
        ("a/mod.rs".to_owned(), "mod b;\nuse b::B;\npub struct A(B);\n".to_owned()),
        ("a/b.rs".to_owned(), "use super::A;\n".to_owned()),
    ];
    assert_eq!(circles(&graph(&files)).len(), 1, "mod.rs declares what its child imports");
    assert_eq!(
        functions("    pub(super) async fn f(\n        a: A,\n    ) -> B {\n        b\n    }\n"),
        [("f".to_owned(), 5)]
    );
    assert_eq!(wide_comments(&format!("// {0}\n//! | {0} |\n/// ```text\n/// {0}\n/// ```\n", "x".repeat(110))), [1]);
    assert_eq!(literals(r#"f("a\"b", '"', "c") // "d""#), [r#"a\"b"#, "c"]);
    assert_eq!(expand("a::{b, c::{D, E}};"), ["a::b", "a::c::D", "a::c::E"]);
}
