//! What the search field searches: one line for each table, entity and execution, as a script that a page
//! from a folder may read.

use serde_json::{Value, json};

use super::declared::ColumnOrigin;
use super::folder::SiteFile;
use super::paths::SitePath;
use crate::entity::Entity;
use crate::error::Result;
use crate::ledger::history::PastExecution;

/// Where the script is.
pub(super) fn path() -> SitePath {
    SitePath::fixed("search.js")
}

/// A value as a script may hold it: nothing in it ends a string, a line or an element.
pub(super) fn script(value: &Value) -> String {
    let mut safe = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

/// The script that is being written.
#[derive(Debug)]
pub(super) struct SearchIndex {
    file: SiteFile,
}

impl SearchIndex {
    /// Begins the script.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn begin(mut file: SiteFile) -> Result<Self> {
        file.add("\"use strict\";\nconst evoSearch = [\n")?;
        Ok(Self { file })
    }

    fn entry(&mut self, value: &Value) -> Result<()> {
        self.file.add(&format!("{},\n", script(value)))
    }

    /// Adds an entity.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn entity(&mut self, entity: &Entity) -> Result<()> {
        self.entry(&json!(["entity", entity.name, SitePath::entity(&entity.name).as_str(), entity.bronze_prefix, []]))
    }

    /// Adds a table or view with its columns and where each comes from.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn table(
        &mut self,
        (name, kind, page): (&str, &str, &SitePath),
        comment: Option<&str>,
        columns: &[(&str, &ColumnOrigin)],
    ) -> Result<()> {
        let columns: Vec<Value> = columns.iter().map(|(column, from)| json!([column, from.paths.join(" ")])).collect();
        self.entry(&json!([kind, name, page.as_str(), comment.unwrap_or_default(), columns]))
    }

    /// Adds an execution.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn run(&mut self, run: &PastExecution) -> Result<()> {
        let name = format!("evo {} {}", run.command, run.execution_id);
        let about = format!("{} {} {}", run.state, run.started_at, run.entities.join(" "));
        self.entry(&json!(["execution", name, SitePath::run(&run.execution_id).as_str(), about, []]))
    }

    /// Ends the script.
    ///
    /// # Errors
    /// `Config` when it cannot be written.
    pub(super) fn end(mut self) -> Result<SiteFile> {
        self.file.add("];\n")?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_script() {
        let shown = script(&json!(["</script><!--", "a\u{2028}b", "\"\\"]));
        assert_eq!(shown, r#"["\u003c/script>\u003c!--","a\u2028b","\"\\"]"#);
        let read: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read[0], "</script><!--");
    }
}
