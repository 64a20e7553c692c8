//! The role's rights against those that jobs need.

use super::finding::{DoctorFinding, Gravity};
use super::server::ServerFacts;
use super::subject::SCHEMAS;
use crate::counted::counted;
use crate::entity::Entity;
use crate::error::Result;
use crate::ledger::rights::{self, TableRights};
use crate::pg::Connection;

/// Checks the rights on the database, its schemas and its tables.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn examine(
    connection: &Connection,
    facts: &ServerFacts,
    entities: &[Entity],
) -> Result<Vec<DoctorFinding>> {
    let mut found = temporary(connection, facts).await?;
    found.extend(schemas(connection, facts).await?);
    found.extend(tables(connection, entities).await?);
    Ok(found)
}

async fn temporary(connection: &Connection, facts: &ServerFacts) -> Result<Vec<DoctorFinding>> {
    let row = connection.query_one(sql_file!("ledger/may_use_temporary.sql"), &[]).await?;
    if row.get(0) {
        return Ok(Vec::new());
    }
    let (role, database) = (&facts.role, &facts.database);
    let what = format!("{role} may not create temporary tables in the database {database}");
    let why = "a load and a transform create some for each batch and chunk";
    let finding = DoctorFinding::new(Gravity::Breaks, "rights.temporary", what, why);
    Ok(vec![finding.sql(format!("grant temporary on database {database} to {role};"))])
}

/// The schemas: missing ones that the role may not make, and present ones in which it may not make tables.
async fn schemas(connection: &Connection, facts: &ServerFacts) -> Result<Vec<DoctorFinding>> {
    let names: Vec<String> = SCHEMAS.map(str::to_owned).to_vec();
    let rows = connection.query(sql_file!("ledger/rights.sql"), &[&names]).await?;
    let (role, database) = (&facts.role, &facts.database);
    let pick = |wanted: &dyn Fn(bool, bool, bool) -> bool| -> Vec<String> {
        let rows = rows.iter().filter(|row| wanted(row.get(4), row.get(5), row.get(6)));
        rows.map(|row| row.get(3)).collect()
    };
    let mut found = Vec::new();
    let missing = pick(&|exists, _, _| !exists);
    if !missing.is_empty() && rows.first().is_some_and(|row| !row.get::<_, bool>(2)) {
        let what = format!("{role} may not create the schemas {} in the database {database}", missing.join(", "));
        let mut finding =
            DoctorFinding::new(Gravity::Breaks, "rights.create_schema", what, "`evo migrate` creates them");
        for name in &missing {
            finding = finding.sql(format!("create schema {name} authorization {role};"));
        }
        found.push(finding);
    }
    let closed = pick(&|exists, may_use, _| exists && !may_use);
    if !closed.is_empty() {
        let list = closed.join(", ");
        let what = format!("{role} may not use the schemas {list}");
        let why = "no command sees what is in them";
        let finding = DoctorFinding::new(Gravity::Breaks, "rights.usage", what, why);
        found.push(finding.sql(format!("grant usage on schema {list} to {role};")));
    }
    let read_only = pick(&|exists, _, may_create| exists && !may_create);
    if !read_only.is_empty() {
        let list = read_only.join(", ");
        let what = format!("{role} may not create tables in the schemas {list}");
        let why = "migrations, new years and full refreshes create some; commands that read do not";
        let finding = DoctorFinding::new(Gravity::Breaks, "rights.create", what, why);
        found.push(finding.sql(format!("grant create on schema {list} to {role};")));
    }
    Ok(found)
}

/// The tables: jobs that write own them, or have their owner's rights; no policy may hide rows.
async fn tables(connection: &Connection, entities: &[Entity]) -> Result<Vec<DoctorFinding>> {
    let (mut found, mut hidden) = (Vec::new(), Vec::new());
    let mut of_role = String::new();
    for rights in rights::of_tables(connection, entities).await? {
        let TableRights { tables, example, role, .. } = &rights;
        if let Some(owner) = &rights.owner {
            let what = match *tables {
                1 => format!("{example} belongs to {owner}, and {role} does not have its rights"),
                n => {
                    format!("{n} tables belong to {owner}, and {role} does not have its rights: {example}, for example")
                }
            };
            let why = "jobs that write alter, swap and vacuum tables, which only their owner may";
            let finding = DoctorFinding::new(Gravity::Breaks, "rights.owner", what, why);
            found.push(finding.sql(rights::membership(connection, owner, role).await?));
        }
        if rights.unreadable > 0 {
            let what = format!("{role} may not read {} of evo's tables", rights.unreadable);
            let why = "`evo status`, `evo check` and every job read them";
            let finding = DoctorFinding::new(Gravity::Breaks, "rights.select", what, why);
            found.push(finding.sql(format!("grant select on all tables in schema evo, stg_evo, core to {role};")));
        }
        hidden.extend(rights.hidden);
        of_role = rights.role;
    }
    if let Some(first) = hidden.first() {
        let n = counted(hidden.len() as u64, "table", "tables");
        let what = format!("row-level security hides rows of {n} from {of_role}: {}", hidden.join(", "));
        let why = "evo refuses to take a part of the rows for all of them";
        let finding = DoctorFinding::new(Gravity::Breaks, "rights.row_security", what, why);
        let bypass = format!("its owner has to run it, for each; or, as a superuser: alter role {of_role} bypassrls;");
        found.push(finding.sql(format!("alter table {first} no force row level security;")).words(bypass));
    }
    Ok(found)
}
