//! `evo.toml`: its values with the lines they stand on.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::error::{Error, Kind, Mistakes};
use crate::suggest::{did_you_mean, nearest};

/// One value of a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileValue {
    /// Full key, tables joined by dots: `retry.base`.
    pub key: String,
    /// The value, as text.
    pub text: String,
    /// Line of the key, from 1.
    pub line: usize,
}

/// A settings file that was read.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The path as given, for messages.
    pub path: PathBuf,
    /// Its values, in no particular order.
    pub entries: Vec<FileValue>,
    /// The whole text of the file.
    pub text: String,
}

impl File {
    /// Reads `path`, which is found at `at`. A missing file counts as empty unless `required` names the
    /// setting that asks for it. What is wrong is left out, and a mistake with file and line; no mistake
    /// repeats a value.
    pub(super) fn read(
        path: &Path,
        at: &Path,
        required: Option<&str>,
        known: &[&str],
        mistakes: &mut Mistakes,
    ) -> Self {
        let name = path.display();
        let text = match std::fs::read_to_string(at) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound && required.is_none() => return Self::default(),
            Err(e) => {
                let reason = match e.kind() {
                    ErrorKind::NotFound => "there is no such file".to_owned(),
                    ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
                    ErrorKind::IsADirectory => "it is a folder".to_owned(),
                    _ => e.to_string(),
                };
                let named = required.map_or(String::new(), |setting| format!("; it is named by {setting}"));
                let error = Error::new(Kind::Config, format!("cannot read the settings file {name}"));
                mistakes.add(error.detail(reason + &named).caused_by(e));
                return Self::default();
            }
        };
        match parse(&text, &name.to_string(), known, mistakes) {
            Some(entries) => Self { path: path.to_owned(), entries, text },
            None => Self::default(),
        }
    }

    /// The value of a key; `None` if the file does not set it.
    pub(super) fn get(&self, key: &str) -> Option<&FileValue> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Reads the text of a settings file. `known` has all keys that may occur. `None` when it is no TOML.
fn parse(text: &str, file: &str, known: &[&str], mistakes: &mut Mistakes) -> Option<Vec<FileValue>> {
    let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|e| {
        // Only the message: the library's own rendering quotes the line, which may hold a password.
        let place = e.span().map_or(String::new(), |span| format!(":{}", line(span.start)));
        Error::new(Kind::Config, format!("{file}{place} is not valid TOML")).detail(e.message().to_owned())
    });
    let table = mistakes.keep(table)?;
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    let mut pending = vec![(String::new(), table.get_ref())];
    while let Some((prefix, table)) = pending.pop() {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let line = line(name.span().start);
            let is_known = known.contains(&key.as_str());
            let is_table = known.iter().any(|k| k.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
            match value.get_ref() {
                // Sources have names of their own: see `source.rs`.
                _ if key == "source" => {}
                DeValue::Table(inner) if is_table => pending.push((format!("{key}."), inner)),
                DeValue::String(text) if is_known => entries.push(FileValue { key, text: text.to_string(), line }),
                DeValue::Integer(number) if is_known && number.radix() == 10 => {
                    entries.push(FileValue { key, text: number.as_str().to_owned(), line });
                }
                DeValue::Integer(_) if is_known => {
                    let message = format!("{file}:{line}: {key} must be written with decimal digits");
                    wrong.push((line, Error::new(Kind::Config, message)));
                }
                other if is_known => {
                    let message = format!("{file}:{line}: {key} must be a string or a whole number");
                    let error = Error::new(Kind::Config, message).detail(format!("it is of type {}", other.type_str()));
                    wrong.push((line, error));
                }
                _ if is_table => {
                    let message = format!("{file}:{line}: {key} is a table of settings, not a setting");
                    let members: Vec<_> = known.iter().filter(|k| k.starts_with(&format!("{key}."))).copied().collect();
                    let error = Error::new(Kind::Config, message);
                    wrong.push((line, error.hint(format!("its settings are {}", members.join(", ")))));
                }
                _ => wrong.push((line, unknown(&key, &format!("{file}:{line}"), known))),
            }
        }
    }
    wrong.sort_by_key(|(line, _)| *line);
    wrong.into_iter().for_each(|(_, mistake)| mistakes.add(mistake));
    Some(entries)
}

/// The error for a key that no setting has.
fn unknown(key: &str, place: &str, known: &[&str]) -> Error {
    let error = Error::new(Kind::Config, format!("{place}: unknown key {key:?}"));
    // A key in the wrong table (`max_retries` at the top) counts as a typo too.
    let last = |k: &str| k.rsplit('.').next().unwrap_or_default().to_owned();
    let misplaced = known.iter().copied().find(|k| nearest(&last(key), [last(k).as_str()], 1).is_some());
    let tables = known.iter().filter_map(|k| k.split_once('.').map(|(table, _)| table));
    match did_you_mean(key, known.iter().copied()).or(misplaced).or_else(|| did_you_mean(key, tables)) {
        Some(name) => error.hint(format!("did you mean {name:?}?")),
        None => error.hint("`evo config show` lists every key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    const KNOWN: [&str; 4] = ["lake", "workers", "retry.max_retries", "retry.base"];

    fn parsed(text: &str) -> Result<Vec<FileValue>> {
        let mut mistakes = Mistakes::default();
        let entries = parse(text, "evo.toml", &KNOWN, &mut mistakes);
        mistakes.into_result(entries)
    }

    fn message_and_hint(text: &str) -> (String, String) {
        let error = parsed(text).unwrap_err();
        (error.message().to_owned(), error.hint_text().unwrap_or_default().to_owned())
    }

    #[test]
    fn every_value_knows_its_line() {
        let text = "# settings\nlake = \"/data\"\nworkers = 1_0\n\n[retry]\nbase = '5s'\n";
        let mut entries = parsed(text).unwrap();
        entries.sort_by_key(|entry| entry.line);
        let entries: Vec<_> = entries.iter().map(|e| (e.line, e.key.as_str(), e.text.as_str())).collect();
        assert_eq!(entries, [(2, "lake", "/data"), (3, "workers", "10"), (6, "retry.base", "5s")]);
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest_key() {
        for (text, message, hint) in [
            ("\nworker = 3", "evo.toml:2: unknown key \"worker\"", "did you mean \"workers\"?"),
            ("[retry]\nbse = '5s'", "evo.toml:2: unknown key \"retry.bse\"", "did you mean \"retry.base\"?"),
            ("max_retries = 3", "evo.toml:1: unknown key \"max_retries\"", "did you mean \"retry.max_retries\"?"),
            ("[rety]\nbase = '5s'", "evo.toml:1: unknown key \"rety\"", "did you mean \"retry\"?"),
            ("[weather]\nrain = 1", "evo.toml:1: unknown key \"weather\"", "`evo config show` lists every key"),
        ] {
            assert_eq!(message_and_hint(text), (message.to_owned(), hint.to_owned()), "{text}");
        }
    }

    #[test]
    fn every_mistake_is_found_in_the_order_of_the_lines() {
        let mut mistakes = Mistakes::default();
        let text = "worker = 3\n[retry]\nbse = '5s'\nbase = '1s'\nmax_retries = true\n[weather]\nrain = 1";
        let entries = parse(text, "evo.toml", &KNOWN, &mut mistakes).unwrap();
        let found: Vec<&str> = mistakes.all().iter().map(|e| e.message()).collect();
        assert_eq!(
            found,
            [
                "evo.toml:1: unknown key \"worker\"",
                "evo.toml:3: unknown key \"retry.bse\"",
                "evo.toml:5: retry.max_retries must be a string or a whole number",
                "evo.toml:6: unknown key \"weather\""
            ]
        );
        assert_eq!(entries.len(), 1, "what is right is read");
    }

    #[test]
    fn a_value_of_the_wrong_shape_is_an_error() {
        assert_eq!(message_and_hint("workers = true").0, "evo.toml:1: workers must be a string or a whole number");
        let hexadecimal = "evo.toml:1: workers must be written with decimal digits";
        assert_eq!(message_and_hint("workers = 0x10").0, hexadecimal);
        assert_eq!(message_and_hint("workers = [1]").0, "evo.toml:1: workers must be a string or a whole number");
        let (message, hint) = message_and_hint("retry = 5");
        assert_eq!(message, "evo.toml:1: retry is a table of settings, not a setting");
        assert_eq!(hint, "its settings are retry.max_retries, retry.base");
    }

    #[test]
    fn broken_toml_is_located_and_its_text_is_not_repeated() {
        let error = parsed("lake = \"x\"\nworkers = \"hunter2\nlake").unwrap_err();
        assert!(error.message().starts_with("evo.toml:") && error.message().ends_with("is not valid TOML"));
        assert!(!error.render().contains("hunter2"));
    }

    #[test]
    fn a_file_that_was_asked_for_must_exist() {
        let missing = Path::new("/nowhere/evo.toml");
        let read = |required| {
            let mut mistakes = Mistakes::default();
            let file = File::read(missing, missing, required, &KNOWN, &mut mistakes);
            mistakes.into_result(Some(file))
        };
        assert!(read(None).unwrap().entries.is_empty());
        let error = read(Some("--config")).unwrap_err();
        assert_eq!(error.message(), "cannot read the settings file /nowhere/evo.toml");
        assert_eq!(error.detail_text(), Some("there is no such file; it is named by --config"));
    }
}
