//! Names of tables and columns made of the names in documents.

use std::collections::HashSet;

pub(super) use crate::sql::quoted;

/// Bytes of an identifier.
const MAX_BYTES: usize = 60;
/// Bytes of a child table's name. Its partition's key adds nine (`_all_pkey`), a second table of the name a
/// few, and what a cluster and a rebuild add to the name of an index must fit into 63.
const MAX_TABLE_BYTES: usize = 36;

/// Columns that every table has without being asked.
const SYSTEM: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// `idVisit` → `id_visit`, `São José (1)` → `sao_jose_1`; a name without a letter or digit gives `field`.
pub(super) fn snake(name: &str) -> String {
    free_of_system(words(name))
}

/// `xmin` → `xmin_value`: no table can give such a name to a column, and no model those of evo.
pub(super) fn free_of_system(name: String) -> String {
    match name.as_str() {
        system if SYSTEM.contains(&system) => format!("{name}_value"),
        own if own.starts_with("evo_source_") || own.starts_with("evo_misfit_") => format!("own_{name}"),
        _ => name,
    }
}

fn words(name: &str) -> String {
    let mut text = String::new();
    let (mut was_lower, mut letters) = (false, name.chars().peekable());
    while let Some(letter) = letters.next() {
        let plain = plain(letter);
        if plain.is_empty() {
            was_lower = false;
            if !text.is_empty() && !text.ends_with('_') {
                text.push('_');
            }
            continue;
        }
        let ends_capitals = letter.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (was_lower || ends_capitals) && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        text.push_str(&plain);
    }
    let text = text.trim_matches('_');
    match text.as_bytes().first() {
        None => "field".to_owned(),
        Some(b'0'..=b'9') => format!("n{}", cut(text)),
        Some(_) => cut(text).to_owned(),
    }
}

fn cut(text: &str) -> &str {
    text.get(..MAX_BYTES).unwrap_or(text)
}

/// The table of an entity's field: `visits`, `guests` → `visit_guests`.
pub(super) fn child_table(entity: &str, field: &str) -> String {
    let name = format!("{}_{field}", singular(entity));
    name.get(..MAX_TABLE_BYTES).unwrap_or(&name).trim_end_matches('_').to_owned()
}

/// The letter without its accent, in lower case; empty for what is no letter of a name.
fn plain(letter: char) -> String {
    let letter = letter.to_lowercase().next().unwrap_or(letter);
    let plain = match letter {
        'a'..='z' | '0'..='9' => letter,
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ß' => return "ss".to_owned(),
        'æ' => return "ae".to_owned(),
        _ => return String::new(),
    };
    plain.to_string()
}

/// One of many: `visits` → `visit`, `companies` → `company`.
pub(super) fn singular(name: &str) -> String {
    match name {
        _ if name.ends_with("ies") && name.len() > 4 => format!("{}y", &name[..name.len() - 3]),
        _ if name.ends_with("ss") || name.ends_with("us") || name.len() < 3 => name.to_owned(),
        _ => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}

/// Gives each name once: `total`, `total_2`.
#[derive(Debug, Default)]
pub(super) struct Unique(HashSet<String>);

impl Unique {
    /// Keeps a name from being given.
    pub(super) fn take(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    pub(super) fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_become_names_of_columns() {
        for (name, expected) in [
            ("idVisit", "id_visit"),
            ("IDVisit", "id_visit"),
            ("visit_id", "visit_id"),
            ("HTTPStatusCode", "http_status_code"),
            ("São José (1)", "sao_jose_1"),
            ("2nd name", "n2nd_name"),
            ("漢字", "field"),
            ("_id", "id"),
            ("a.b-c", "a_b_c"),
            ("Xmin", "xmin_value"),
            ("evoSourceId", "own_evo_source_id"),
        ] {
            assert_eq!(snake(name), expected, "{name}");
        }
        assert_eq!(snake(&"x".repeat(99)).len(), 60);
        assert_eq!(child_table("visits", "guests"), "visit_guests");
        assert_eq!(child_table(&"v".repeat(30), "room_guests"), format!("{}_room", "v".repeat(30)));
        assert_eq!([quoted("club"), quoted("order"), quoted("clubName")], ["club", "\"order\"", "\"clubName\""]);
        assert_eq!(
            ["visits", "companies", "status", "address"].map(singular),
            ["visit", "company", "status", "address"]
        );
        let mut unique = Unique::default();
        assert_eq!(["a", "b", "a", "a"].map(|name| unique.name(name)), ["a", "b", "a_2", "a_3"]);
    }
}
