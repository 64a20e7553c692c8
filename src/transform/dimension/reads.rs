//! Which columns of core a dimension reads, as far as its select names them.

use std::collections::BTreeSet;

use super::definition::Dimension;

/// One select of a dimension's union.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SightingReads {
    /// The core tables that it reads, not quoted.
    pub tables: Vec<String>,
    /// All words in it: a column of these tables is read if its name is among them.
    pub words: BTreeSet<String>,
    /// The words that give the dimension's key.
    pub key: BTreeSet<String>,
    /// The words that give its name.
    pub name: BTreeSet<String>,
}

impl Dimension {
    /// Its selects, in order.
    pub fn reads(&self) -> Vec<SightingReads> {
        let text = self.sightings.render(|name| format!("{{{name}}}"));
        let tokens = tokens(&text);
        let parts = tokens.split(|token| token.eq_ignore_ascii_case("union"));
        let parts: Vec<(&[String], Vec<&[String]>)> = parts.map(|part| (part, items(part))).collect();
        // A union goes by position; the first select has the names.
        let position = |column: &str| {
            let first = parts.first().map(|(_, items)| items.as_slice()).unwrap_or_default();
            first.iter().position(|item| item.last().is_some_and(|word| word == column))
        };
        let (key, name) = (position(&self.key), position(&self.name_column));
        parts.iter().map(|(part, items)| read(part, items, key, name)).collect()
    }
}

fn read(part: &[String], items: &[&[String]], key: Option<usize>, name: Option<usize>) -> SightingReads {
    let words = |at: Option<usize>| {
        let item = at.and_then(|at| items.get(at)).copied().unwrap_or_default();
        item.iter().cloned().collect()
    };
    SightingReads {
        tables: part.iter().filter_map(|token| Some(token.strip_prefix('{')?.strip_suffix('}')?.to_owned())).collect(),
        words: part.iter().cloned().collect(),
        key: words(key),
        name: words(name),
    }
}

/// The items of a select list.
fn items(part: &[String]) -> Vec<&[String]> {
    let Some(start) = part.iter().position(|token| token == "select").map(|at| at + 1) else { return Vec::new() };
    let mut depth = 0_usize;
    let (mut found, mut begin) = (Vec::new(), start);
    for (at, token) in part.iter().enumerate().skip(start) {
        match (token.as_str(), depth) {
            ("(", _) => depth += 1,
            (")", _) => depth = depth.saturating_sub(1),
            (",", 0) => {
                found.push(&part[begin..at]);
                begin = at + 1;
            }
            ("from", 0) => {
                found.push(&part[begin..at]);
                break;
            }
            _ => {}
        }
    }
    found
}

/// Names, keywords, placeholders, brackets and commas, without what is in strings and comments.
fn tokens(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '{' => rest.find('}').map_or(rest.len(), |end| end + 1),
            c if is_part(c) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let token = &rest[..end];
        match c {
            '"' => found.push(token.trim_matches('"').to_owned()),
            '{' | '(' | ')' | ',' => found.push(token.to_owned()),
            c if is_part(c) => found.push(token.to_lowercase()),
            _ => {}
        }
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;
    use crate::entity::Catalog;

    #[test]
    fn a_column_is_read_from_the_tables_whose_select_names_it() {
        let dimensions = all(None, &Catalog::load(None).unwrap()).unwrap();
        let employees = dimensions.iter().find(|d| d.name == "employees").unwrap().reads();
        let given = |table: &str| -> Vec<(Vec<&str>, Vec<&str>)> {
            let of = employees.iter().filter(|part| part.tables == [table]);
            of.map(|part| {
                (part.key.iter().map(String::as_str).collect(), part.name.iter().map(String::as_str).collect())
            })
            .collect()
        };
        assert_eq!(
            given("core.evo_sales"),
            [
                (vec!["employee_sale_id"], vec!["employee_sale_name"]),
                (vec!["employee_id"], vec!["null"]),
                (vec!["employee_removal_id"], vec!["null"])
            ]
        );
        assert_eq!(employees.len(), 7);
        assert!(employees[0].words.contains("register_date") && !employees[0].words.contains("core"));
    }

    #[test]
    fn strings_and_comments_name_nothing() {
        let found = tokens("select A_b, \"Cd\", f('e f') -- g\n/* h */ from {core.x} i");
        assert_eq!(found, ["select", "a_b", ",", "Cd", ",", "f", "(", ")", "from", "{core.x}", "i"]);
        let items: Vec<Vec<String>> =
            items(&tokens("select greatest(a, b) as x, c from t, u")).iter().map(|i| i.to_vec()).collect();
        assert_eq!(items, [vec!["greatest", "(", "a", ",", "b", ")", "as", "x"], vec!["c"]]);
    }
}
