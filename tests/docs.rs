//! The documentation says what the program does.

#![allow(clippy::unwrap_used, missing_docs)]

use evo::config::KEYS;
use evo::error::{Disposition, Kind};

fn read(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_setting_stands_in_the_table_of_configuration_md() {
    let text = read("docs/configuration.md");
    for key in KEYS {
        let code = |v: Option<&str>| v.map_or(String::new(), |v| format!("`{v}`"));
        let row = format!(
            "| `{}` | `{}` | {} | {} | {} |",
            key.name,
            key.variable,
            code(key.flag),
            code(key.default),
            key.doc
        );
        assert!(text.contains(&row), "docs/configuration.md has no row\n{row}");
    }
    assert_eq!(text.matches("\n| `").count() - 5, KEYS.len(), "a row too many, or another sslmode");
}

#[test]
fn every_kind_of_error_stands_in_errors_md_as_the_program_treats_it() {
    let text = read("docs/errors.md");
    for kind in Kind::ALL {
        let does = match kind.disposition() {
            Disposition::Reconnect => "reconnect, repeat",
            Disposition::AskLedger => "reconnect, ask the ledger",
            Disposition::RetryNow => "repeat at once",
            Disposition::RetryLater => "repeat later",
            Disposition::Shrink => "give up", // no batch is made smaller yet
            Disposition::RejectRow => "reject the row",
            Disposition::Quarantine => "set the object aside",
            Disposition::PlanAgain => "leave it for the next run",
            Disposition::Abort => "give up",
        };
        let row = format!("| `{kind:?}` | {} | {does} |", kind.exit_code());
        assert!(text.contains(&row), "docs/errors.md has no row that begins\n{row}");
    }
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    for file in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/checks.md",
        "docs/queries.md",
        "docs/configuration.md",
        "jobs/README.md",
        "sql/README.md",
    ] {
        let text = read(file);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if !link.starts_with("http") && !link.starts_with('#') {
                assert!(folder.join(link).exists(), "{file} links to {link}");
            }
        }
    }
}
