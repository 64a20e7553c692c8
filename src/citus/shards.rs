//! Shards, and statements that run where they are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::pg::{Ask, Connection, error_of_shard};

/// Shards of several co-located tables that hold the same keys; all are on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardGroup {
    /// The shard of each table, in the order of the tables; qualified and quoted.
    pub shards: Vec<String>,
    /// The host of the server that has them.
    host: String,
    port: i32,
}

impl ShardGroup {
    /// The groups of some co-located tables, whose names are qualified and quoted.
    ///
    /// # Errors
    /// `Config` when the tables are not co-located; see [`crate::pg`].
    pub async fn of_tables(ask: &impl Ask, tables: &[&str]) -> Result<Vec<Self>> {
        let mut groups: BTreeMap<i32, Self> = BTreeMap::new();
        let not_alike = || Error::new(Kind::Config, format!("{} are not co-located", tables.join(", ")));
        for row in ask.query(sql_file!("citus/shards.sql"), &[&tables.to_vec()]).await? {
            let (table, place, host, port): (i32, i32, String, i32) = (row.get(0), row.get(1), row.get(3), row.get(4));
            let group = groups.entry(place).or_insert_with(|| Self { shards: Vec::new(), host: host.clone(), port });
            if i32::try_from(group.shards.len() + 1) != Ok(table) || (&group.host, group.port) != (&host, port) {
                return Err(not_alike());
            }
            group.shards.push(row.get(2));
        }
        match groups.values().all(|group| group.shards.len() == tables.len()) && !groups.is_empty() {
            true => Ok(groups.into_values().collect()),
            false => Err(not_alike()),
        }
    }

    /// Runs a statement that gives one array of counts on the server that has the shards, with settings of
    /// its own, and commits it.
    ///
    /// # Errors
    /// The statement's own; `DatabaseUnavailable` when it is not known whether it was committed; see
    /// [`crate::pg`].
    pub async fn run(&self, on: &Connection, settings: &[(&str, &str)], statement: &str) -> Result<Vec<i64>> {
        let (names, values): (Vec<&str>, Vec<&str>) = settings.iter().copied().unzip();
        let row =
            on.query_one(sql_file!("citus/run.sql"), &[&self.host, &self.port, &names, &values, &statement]).await?;
        let (is_done, result): (bool, String) = (row.get(0), row.get(1));
        if !is_done {
            return Err(failure(&result).context(format!("{}:{}", self.host, self.port)));
        }
        let counts = result.trim_matches(['{', '}']).split(',').map(|count| count.parse().ok());
        counts
            .collect::<Option<Vec<i64>>>()
            .ok_or_else(|| Error::new(Kind::Internal, "a shard was filled without counts"))
    }
}

/// The error that `evo.run_counting` raises as JSON, or what kept it from running.
fn failure(said: &str) -> Error {
    let text = said.find('{').zip(said.rfind('}')).and_then(|(from, to)| said.get(from..=to));
    let Some(json) = text.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Error::new(Kind::DatabaseUnavailable, said.lines().next().unwrap_or_default().to_owned());
    };
    let field = |name: &str| json[name].as_str().map(str::to_owned);
    let (code, message) = (field("code").unwrap_or_default(), field("message").unwrap_or_default());
    error_of_shard(&code, &message, field("constraint").as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_another_server_keeps_its_code_and_the_constraint_of_the_table() {
        let said = concat!(
            r#"ERROR:  {"code" : "23505", "message" : "duplicate key", "constraint" : "a_pkey_102008"}"#,
            "\nCONTEXT:  x"
        );
        let error = failure(said);
        assert_eq!((error.sqlstate(), error.message()), (Some("23505"), "duplicate key"));
        assert_eq!(error.named().constraint.as_deref(), Some("a_pkey"));
        assert_eq!(failure("failed to connect to b:5432").kind(), Kind::DatabaseUnavailable);
    }
}
