//! Whether the table of a dimension has the columns that its rows need.

use super::definition::Dimension;
use crate::entity::KeyType;
use crate::error::{Error, Kind, Result};
use crate::pg::Connection;

impl Dimension {
    /// Makes sure that the table has its columns, each of the right type, and texts that are compared in the
    /// collation "C".
    ///
    /// # Errors
    /// `Config`, naming every column that is missing or of another type; see [`crate::pg`].
    pub async fn require_table(&self, connection: &Connection) -> Result<()> {
        let rows = connection.query(sql_file!("transform/dimension_shape.sql"), &[&self.table]).await?;
        let found = |name: &str| rows.iter().find(|row| row.get::<_, &str>(0) == name);
        let mut lacking = Vec::new();
        for (name, key_type, expected) in self.columns() {
            let column = key_type.map_or(expected, KeyType::column);
            match found(name).map(|row| (row.get::<_, String>(1), row.get::<_, bool>(2))) {
                None => lacking.push(format!("{name} {column}, which does not exist")),
                Some((is, _)) if is != expected => lacking.push(format!("{name} {column}, which is {is}")),
                Some((_, true)) if key_type == Some(KeyType::Text) => {
                    lacking.push(format!("{name} {column}, which has another collation"));
                }
                Some(_) => {}
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let message = format!("the table {} does not fit the dimension {}", self.table, self.name);
        Err(Error::new(Kind::Config, message)
            .detail(format!("it needs {}", lacking.join("; ")))
            .hint("create or alter the columns in a migration of your own, then: evo migrate"))
    }

    /// Name, type if it is that of keys, and the name of the type.
    fn columns(&self) -> [(&str, Option<KeyType>, &'static str); 6] {
        let (key, source_key) = (self.key_type, self.source_key_type());
        [
            (&self.key, Some(key), key.sql()),
            (&self.name_column, None, "text"),
            ("_source_time", None, "timestamp with time zone"),
            ("_source_table", None, "text"),
            ("_source_key", Some(source_key), source_key.sql()),
            ("_updated_at", None, "timestamp with time zone"),
        ]
    }
}
