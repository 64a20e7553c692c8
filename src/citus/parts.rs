//! The shards of tables, asked on the servers that hold them.
//!
//! The coordinator's own table is an empty shell: its size, its statistics and its indexes' are those of no
//! rows. What is asked of a table elsewhere is asked of its shards here, by the same statement.

use std::collections::HashMap;

use serde_json::Value;

use super::layout::is_installed;
use crate::error::{Error, Kind, Result};
use crate::pg::Ask;
use crate::sql::{fill, literal};

/// The parts of some tables or indexes, each by the name that it has on its server.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    of: HashMap<String, String>,
}

impl Parts {
    /// Reads which shards these tables have, or which parts these indexes. Names are qualified, and quoted
    /// where necessary. Empty where none is distributed, and where the database has no Citus.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn read(ask: &impl Ask, names: &[String]) -> Result<Self> {
        if names.is_empty() || !is_installed(ask).await? {
            return Ok(Self::default());
        }
        let rows = ask.query(sql_file!("citus/parts.sql"), &[&names.to_vec()]).await?;
        Ok(Self { of: rows.iter().map(|row| (row.get(1), row.get(0))).collect() })
    }

    /// A part that is known by its own name.
    pub fn one(part: &str) -> Self {
        Self { of: HashMap::from([(part.to_owned(), part.to_owned())]) }
    }

    /// Whether nothing is distributed.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The table or index that this is a part of.
    pub fn whole(&self, part: &str) -> Option<&str> {
        self.of.get(part).map(String::as_str)
    }

    /// Whether a table or index has parts.
    pub fn has(&self, whole: &str) -> bool {
        self.of.values().any(|name| name == whole)
    }

    /// The same for some of the tables or indexes.
    pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let of = self.of.iter().filter(|(_, whole)| is_wanted(whole));
        Self { of: of.map(|(part, whole)| (part.clone(), whole.clone())).collect() }
    }

    /// Asks as [`Parts::ask`] for the name of a part and its bytes. Returns the sums by table or index; none
    /// where the bytes of a part are unknown.
    ///
    /// # Errors
    /// As [`Parts::ask`].
    pub async fn bytes(&self, on: &impl Ask, query: &str) -> Result<HashMap<String, u64>> {
        let mut sums: HashMap<String, Option<u64>> = HashMap::new();
        for row in self.ask(on, query, 2).await? {
            let Some(whole) = self.whole(row.name(0)) else { continue };
            let bytes = row.number(1).map(i64::unsigned_abs);
            let sum = sums.entry(whole.to_owned()).or_insert(Some(0));
            *sum = sum.zip(bytes).map(|(sum, bytes)| sum + bytes);
        }
        Ok(sums.into_iter().filter_map(|(whole, sum)| Some((whole, sum?))).collect())
    }

    /// Runs a query with the names of the parts as its `$1` on every server. Returns its rows, of so many
    /// columns; a server gives none for what it does not hold. Parts that several servers hold are there
    /// several times.
    ///
    /// # Errors
    /// `DatabaseUnavailable` when a server does not answer; see [`crate::pg`].
    pub async fn ask(&self, on: &impl Ask, query: &str, columns: usize) -> Result<Vec<PartRow>> {
        if self.of.is_empty() {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = self.of.keys().map(|name| literal(name)).collect();
        names.sort_unstable();
        let query = fill(query, &[]).replace("$1", &format!("array[{}]::text[]", names.join(", ")));
        ask_servers(on, &query, columns).await
    }
}

/// What one server answers.
#[derive(Debug, Clone)]
pub struct ServerAnswer {
    /// Its host and port.
    pub name: String,
    /// Whether it is the one that is connected to.
    pub is_coordinator: bool,
    /// Its rows, or what kept it from answering.
    pub rows: std::result::Result<Vec<PartRow>, String>,
}

/// Runs a query of so many columns on every server, in sessions of their own.
///
/// # Errors
/// See [`crate::pg`]. A server that does not answer is part of the answers.
pub async fn ask_each_server(on: &impl Ask, query: &str, columns: usize) -> Result<Vec<ServerAnswer>> {
    let names: Vec<String> = (0..columns).map(|i| format!("c{i}")).collect();
    let sql = fill(sql_file!("citus/as_json.sql"), &[("query", query.trim_end()), ("columns", &names.join(", "))]);
    let mut found = Vec::new();
    for (name, is_coordinator, answer) in answers(on, &sql).await? {
        let rows = match answer {
            Err(said) => Err(said),
            Ok(answer) => Ok(rows(&answer)
                .map_err(|error| Error::new(Kind::Internal, format!("{name} answers no list of rows: {error}")))?),
        };
        found.push(ServerAnswer { name, is_coordinator, rows });
    }
    Ok(found)
}

fn rows(answer: &str) -> serde_json::Result<Vec<PartRow>> {
    Ok(serde_json::from_str::<Vec<Value>>(answer)?.into_iter().map(PartRow).collect())
}

/// Runs a query of so many columns on every server, in sessions of their own. Returns the rows of all.
///
/// # Errors
/// `DatabaseUnavailable` when a server does not answer; see [`crate::pg`].
pub async fn ask_servers(on: &impl Ask, query: &str, columns: usize) -> Result<Vec<PartRow>> {
    let mut found = Vec::new();
    for server in ask_each_server(on, query, columns).await? {
        found.extend(server.rows.map_err(|said| silent(&server.name, said))?);
    }
    Ok(found)
}

/// Runs a command on every server, outside of transactions.
///
/// # Errors
/// `DatabaseUnavailable` when a server does not run it; see [`crate::pg`].
pub async fn run_on_servers(on: &impl Ask, command: &str) -> Result<()> {
    for (name, _, answer) in answers(on, command).await? {
        answer.map_err(|said| silent(&name, said))?;
    }
    Ok(())
}

fn silent(server: &str, said: String) -> Error {
    Error::new(Kind::DatabaseUnavailable, format!("{server} does not answer as it should")).detail(said)
}

/// Of each server its name, whether it is the coordinator, and its answer or what kept it from answering.
type Answer = (String, bool, std::result::Result<String, String>);

async fn answers(on: &impl Ask, command: &str) -> Result<Vec<Answer>> {
    let rows = on.query(sql_file!("citus/ask_servers.sql"), &[&command]).await?;
    let answer = |row: &crate::pg::Row| {
        let said = row.get::<_, Option<String>>(2).unwrap_or_default();
        (row.get(0), row.get(3), if row.get(1) { Ok(said) } else { Err(said) })
    };
    Ok(rows.iter().map(answer).collect())
}

/// A row that one of the servers gave.
#[derive(Debug, Clone)]
pub struct PartRow(Value);

impl PartRow {
    /// A value; null if there is no such column.
    fn value(&self, column: usize) -> &Value {
        &self.0[format!("c{column}")]
    }

    /// A text; `None` for null.
    pub fn text(&self, column: usize) -> Option<&str> {
        self.value(column).as_str()
    }

    /// The name that the part has, by the column with it.
    pub fn name(&self, column: usize) -> &str {
        self.text(column).unwrap_or_default()
    }

    /// A number; `None` for null.
    pub fn number(&self, column: usize) -> Option<i64> {
        self.value(column).as_i64()
    }

    /// A number with a fraction; `None` for null.
    pub fn real(&self, column: usize) -> Option<f64> {
        self.value(column).as_f64()
    }

    /// A size or count; 0 for null.
    pub fn size(&self, column: usize) -> u64 {
        self.number(column).map_or(0, i64::unsigned_abs)
    }

    /// The texts of an array; none for null.
    pub fn texts(&self, column: usize) -> Vec<&str> {
        self.value(column).as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether a condition is true.
    pub fn is(&self, column: usize) -> bool {
        self.value(column).as_bool().unwrap_or(false)
    }
}
