//! What the migrations of a folder have made so far, as far as their texts say so.

/// The migrations of a folder.
#[derive(Debug, Default)]
pub struct EarlierMigrations {
    /// The highest number; 0 without any.
    pub last: u32,
    /// What they do.
    pub texts: Vec<String>,
}

impl EarlierMigrations {
    /// The number of the next one.
    pub fn next(&self) -> u32 {
        self.last + 1
    }

    /// The tables that they create in the schema core.
    pub fn tables(&self) -> Vec<String> {
        self.statements().filter_map(|words| of_core(created(&words)?)).collect()
    }

    /// Whether one of them creates or alters this table and names the column. In doubt it does: a statement
    /// that names the column for another reason only keeps a column from being dropped.
    pub fn name_column(&self, table: &str, column: &str) -> bool {
        self.statements_about(table).any(|words| words.iter().any(|word| word == column))
    }

    /// Whether one of them makes a column of this type.
    pub fn make_column(&self, table: &str, column: &str, kind: &str) -> bool {
        let makes = |words: Vec<String>| words.windows(2).any(|pair| pair[0] == column && pair[1] == kind);
        self.statements_about(table).any(makes)
    }

    fn statements_about(&self, table: &str) -> impl Iterator<Item = Vec<String>> {
        self.statements().filter(move |words| {
            let is_altered = words.len() > 2 && words[0] == "alter" && words[2..].iter().any(|word| word == table);
            is_altered || created(words).is_some_and(|created| created == table)
        })
    }

    /// Their statements as words, with names that have no quotes.
    fn statements(&self) -> impl Iterator<Item = Vec<String>> {
        let is_apart = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
        let words = move |statement: &str| -> Vec<String> {
            let words = statement.split(is_apart).filter(|word| !word.is_empty());
            words.map(str::to_lowercase).collect()
        };
        self.texts.iter().flat_map(move |text| {
            let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
            code.join("\n").replace('"', "").split(';').map(words).collect::<Vec<_>>()
        })
    }
}

/// The table that a statement creates.
fn created(words: &[String]) -> Option<&str> {
    let (create, rest) = words.split_first()?;
    let mut rest = rest.iter().map(String::as_str).skip_while(|word| *word == "unlogged");
    let is_table = create == "create" && rest.next() == Some("table");
    is_table.then(|| rest.find(|word| !["if", "not", "exists"].contains(word)))?
}

fn of_core(table: &str) -> Option<String> {
    table.strip_prefix("core.").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_columns_that_a_migration_has_made_are_known() {
        let earlier = EarlierMigrations {
            last: 3,
            texts: vec![
                "-- create table core.never (x text);\ncreate table stg_evo.visits_raw (visit_id bigint);\n\
                 create table core.visits (\n    visit_id bigint, -- vip boolean\n    \"order\" text\n);\n\
                 create table if not exists \"core\".\"visit_tags\" (tag text);\n\
                 comment on table core.visits is 'One row per visit; rows are wide.';\n"
                    .to_owned(),
                "ALTER TABLE core.visits ADD COLUMN seats int, drop column room".to_owned(),
            ],
        };
        assert_eq!((earlier.next(), earlier.tables()), (4, vec!["visits".to_owned(), "visit_tags".to_owned()]));
        let known =
            ["order", "seats", "room", "vip", "row", "tag"].map(|name| earlier.name_column("core.visits", name));
        assert_eq!(known, [true, true, true, false, false, false]);
        assert!(earlier.name_column("core.visit_tags", "tag"));
        let made = [("seats", "int"), ("seats", "text"), ("order", "text"), ("room", "text")]
            .map(|(column, kind)| earlier.make_column("core.visits", column, kind));
        assert_eq!(made, [true, false, true, false]);
        assert_eq!((EarlierMigrations::default().next(), EarlierMigrations::default().tables()), (1, Vec::new()));
    }
}
