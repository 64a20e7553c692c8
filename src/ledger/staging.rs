//! The columns that evo needs in a staging table.

use crate::entity::{Entity, History, KeyType, MissingRows};
use crate::error::{Error, Kind, Result};
use crate::pg::Ask;
use crate::sql::{ident, qualified};

/// Columns of every staging table, beside its key: the document, and where its present content came from;
/// each with the types that it may have, or any.
const STAGING_COLUMNS: [(&str, &str); 9] = [
    ("raw_data", "jsonb"),
    ("_source_file", "text,character varying"),
    ("run_id", "text,character varying"),
    ("ingestion_date", "date"),
    ("_loaded_at", ""),
    ("_updated_at", ""),
    ("_source_line", "bigint,integer,numeric"),
    ("_content_hash", "uuid"),
    ("_batch_id", "bigint,integer,numeric"),
];

/// The column that says since when a document is missing from its source, where that is of interest.
const DELETED_AT: (&str, &str) = ("_deleted_at", TIME);

/// The type of times.
const TIME: &str = "timestamp with time zone";

/// Types of the column that holds the key.
fn key_types(entity: &Entity) -> &'static str {
    match entity.key_type() {
        KeyType::Integer => "bigint,integer,numeric",
        KeyType::Text => "text",
        KeyType::Uuid => "uuid",
    }
}

/// Makes sure that evo can read and write the staging tables of these entities: every column is there and has
/// its type, nothing else has to be given a value, a unique index finds a row by its key, and neither a rule
/// nor an inheriting table adds to what is written or read.
///
/// # Errors
/// `Config` that names the table, what is wrong, and what to type; otherwise see [`crate::pg`].
pub async fn require_fitting(ask: &impl Ask, entities: &[Entity]) -> Result<()> {
    for entity in entities {
        require_fitting_one(ask, entity).await.map_err(|error| match error.kind() {
            Kind::Config if entity.folder.is_some() => error.context(&entity.staging_at),
            _ => error,
        })?;
    }
    Ok(())
}

async fn require_fitting_one(ask: &impl Ask, entity: &Entity) -> Result<()> {
    let key = entity.staging_key();
    let of_time = if entity.history.is_some() { TIME } else { "" };
    let of_key = key.iter().enumerate().map(|(i, name)| (*name, if i == 0 { key_types(entity) } else { of_time }));
    let marks = (entity.missing != MissingRows::Keep).then_some(DELETED_AT);
    let (columns, types): (Vec<&str>, Vec<&str>) = of_key.chain(STAGING_COLUMNS).chain(marks).unzip();
    let table = &entity.staging.table;
    let rows = ask.query(sql_file!("ledger/staging_faults.sql"), &[table, &columns, &types, &key]).await?;
    let faults: Vec<Fault> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    if let Some(error) = error(entity, &key, &faults) {
        return Err(error);
    }
    require_fitting_core(ask, entity).await?;
    require_marks_of_core(ask, entity).await?;
    require_times_of_core(ask, entity).await
}

/// Makes sure that core keeps keys as staging does, where they are no integers.
async fn require_fitting_core(ask: &impl Ask, entity: &Entity) -> Result<()> {
    let key_type = entity.key_type();
    if key_type == KeyType::Integer {
        return Ok(());
    }
    let (tables, columns): (Vec<&str>, Vec<&str>) =
        entity.models.iter().map(|model| (model.table.as_str(), model.parent_key.as_str())).unzip();
    let rows = ask.query(sql_file!("ledger/key_columns.sql"), &[&tables, &columns, &key_type.sql()]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (table, column, shown): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    let wanted = key_type.column();
    Err(Error::new(Kind::Config, format!("the column {column} of {table} is of type {shown}, and has to be {wanted}"))
        .detail(format!("it holds the key of the documents, as {} does", entity.staging.key_column))
        .hint(format!("alter table {} alter column {} type {wanted}", qualified(&table), ident(&column))))
}

/// Makes sure that core can show which rows are missing from the source.
async fn require_marks_of_core(ask: &impl Ask, entity: &Entity) -> Result<()> {
    if entity.missing != MissingRows::Mark {
        return Ok(());
    }
    let tables: Vec<&str> = entity.models.iter().map(|model| model.table.as_str()).collect();
    let why = || format!("{} declares missing = \"mark\"", entity.name);
    require_time_column(ask, &tables, DELETED_AT.0, why).await
}

/// Makes sure that core can show since when and until when a version counts.
async fn require_times_of_core(ask: &impl Ask, entity: &Entity) -> Result<()> {
    let Some(history) = &entity.history else { return Ok(()) };
    let models = entity.models.iter().filter(|model| model.is_history);
    let tables: Vec<&str> = models.map(|model| model.table.as_str()).collect();
    for column in [history.column.as_str(), History::ENDS] {
        let why = || "the header of its model says: -- history: yes".to_owned();
        require_time_column(ask, &tables, column, why).await?;
    }
    Ok(())
}

/// Makes sure that core tables have a column with a time.
async fn require_time_column(
    ask: &impl Ask,
    tables: &[&str],
    column: &str,
    why: impl FnOnce() -> String,
) -> Result<()> {
    let rows = ask.query(sql_file!("ledger/mark_columns.sql"), &[&tables.to_vec(), &column, &TIME]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (table, shown): (String, Option<String>) = (row.get(0), row.get(1));
    let message = match &shown {
        None => format!("the core table {table} has no column {column}"),
        Some(shown) => format!("the column {column} of {table} is of type {shown}, and has to be {TIME}"),
    };
    let is_word = column.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let (table, column) = (qualified(&table), if is_word { column.to_owned() } else { ident(column) });
    let alter = match shown {
        None => format!("alter table {table} add column {column} timestamptz"),
        Some(_) => format!("alter table {table} alter column {column} type timestamptz"),
    };
    Err(Error::new(Kind::Config, message).detail(why()).hint(format!("in a migration: {alter}")))
}

/// The fault, the name that it is about, a column's type.
type Fault = (String, Option<String>, Option<String>);

/// What to type where a column is missing.
fn missing_column(name: &str, alter: &str) -> String {
    match name == DELETED_AT.0 {
        true => format!("in a migration: {alter} add column {} timestamptz", DELETED_AT.0),
        false => "create it like one of evo's: create table … (like stg_evo.prospects_raw including all)".to_owned(),
    }
}

/// The error for the first kind of fault.
fn error(entity: &Entity, key: &[&str], faults: &[Fault]) -> Option<Error> {
    let table = &entity.staging.table;
    let (fault, name, shown) = faults.first()?;
    let (name, shown) = (name.as_deref().unwrap_or_default(), shown.as_deref().unwrap_or_default());
    let (quoted, alter) = (ident(name), format!("alter table {}", qualified(table)));
    let (message, hint) = match fault.as_str() {
        "table" => (
            format!("the staging table {table} does not exist"),
            "an entity needs a migration that creates its staging and core tables".to_owned(),
        ),
        "kind" => (
            format!("{table} is {shown}, and has to be a table"),
            "rename it, then: create table … (like stg_evo.prospects_raw including all)".to_owned(),
        ),
        "column" => {
            let missing =
                faults.iter().filter(|(kind, ..)| kind == "column").filter_map(|(_, name, _)| name.as_deref());
            (
                format!("the staging table {table} has no column {}", missing.collect::<Vec<_>>().join(", ")),
                missing_column(name, &alter),
            )
        }
        "type" => {
            let known = STAGING_COLUMNS
                .iter()
                .chain([&DELETED_AT])
                .find(|(column, _)| *column == name)
                .map_or(if name == key[0] { key_types(entity) } else { TIME }, |(_, types)| types);
            let wanted = known.split(',').next().unwrap_or_default();
            (
                format!("the column {name} of {table} is of type {shown}, and has to be {wanted}"),
                format!("{alter} alter column {quoted} type {wanted} using {quoted}::{wanted}"),
            )
        }
        "collation" => (
            format!("the column {name} of {table} is not in the collation \"C\", the order of bytes"),
            format!("{alter} alter column {quoted} type text collate \"C\""),
        ),
        "given" => (
            format!("the column {name} of {table} is NOT NULL and has no default, and evo does not fill it"),
            format!("{alter} alter column {quoted} set default …, or: drop not null"),
        ),
        "rule" => (
            format!("the rule {name} on {table} changes what a write to the table does"),
            format!("drop rule {quoted} on {}; a trigger can do the same and is no obstacle", qualified(table)),
        ),
        "key" => no_key(table, key, &alter),
        _ => (
            format!("the table {name} inherits from {table}, so its rows would be read as rows of staging"),
            format!("alter table {name} no inherit {}", qualified(table)),
        ),
    };
    Some(Error::new(Kind::Config, message).hint(hint))
}

/// What is wrong, and what to type, where no unique index finds a row by its key.
fn no_key(table: &str, key: &[&str], alter: &str) -> (String, String) {
    let columns = key.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ");
    (
        format!("the staging table {table} has no unique index on its key ({columns})"),
        format!("{alter} add primary key ({columns})"),
    )
}
