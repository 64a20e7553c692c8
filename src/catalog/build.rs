//! Building the site: everything that is known is read, and each page written as soon as it is complete.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::declared::{ColumnOrigin, Declared};
use super::facts::{self, SiteFacts};
use super::folder::{SiteChanges, SiteFolder};
use super::html::escaped;
use super::json::{self, CatalogJson};
use super::openlineage::{self, Namespaces};
use super::pages::{self, Site, TableSubject};
use super::paths::SitePath;
use super::search::{self, SearchIndex};
use crate::citus::ask_servers;
use crate::entity::Entity;
use crate::error::Result;
use crate::pg::Connection;
use crate::transform::checks::Check;
use crate::transform::dimension::Dimension;
use crate::visible;

/// What is to be written, and where.
#[derive(Debug, Clone, Copy)]
pub struct CatalogPlan<'a> {
    /// The site's folder.
    pub out: &'a Path,
    /// Leave out what has to be measured: sizes, bloat, and what statistics say of columns.
    pub quick: bool,
    /// All entities.
    pub entities: &'a [Entity],
    /// All dimensions.
    pub dimensions: &'a [Dimension],
    /// All checks.
    pub checks: &'a [Check],
    /// What the data sets of OpenLineage are named after.
    pub names: &'a Namespaces,
}

/// What was built.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltSite {
    /// Its files.
    pub changes: SiteChanges,
    /// Tables and views.
    pub tables: u64,
    /// Executions.
    pub runs: u64,
    /// What needs attention.
    pub attention: u64,
}

/// Builds the site, or brings it up to date.
///
/// # Errors
/// `Usage` for a folder with other files, `Config` when it cannot be written; see [`crate::pg`].
pub async fn build(connection: &mut Connection, plan: CatalogPlan<'_>) -> Result<BuiltSite> {
    let declared = Declared::new(plan.entities, plan.dimensions, plan.checks);
    let mut folder = SiteFolder::open(plan.out)?;
    let state = made_from(connection, plan).await?;
    if let Some(built) = state.as_deref().and_then(|state| unchanged(&folder, state)) {
        return Ok(built);
    }
    let facts = SiteFacts::read(connection, (&declared.schemas(), &declared.tables()), !plan.quick).await?;
    let site = Site { facts: &facts, declared: &declared };
    for (name, text) in pages::ASSETS {
        folder.write(&SitePath::fixed(name), text)?;
    }
    let attention = pages::attention(site);
    folder.write(&SitePath::fixed("index.html"), &pages::home(site, &attention))?;
    folder.write(&SitePath::fixed("lineage.html"), &pages::lineage(site))?;
    folder.write(&SitePath::fixed("tables.html"), &pages::tables(site))?;
    folder.write(&SitePath::fixed("runs.html"), &pages::runs(site))?;
    folder.write(&SitePath::fixed("llms.txt"), &llms(site))?;
    folder.write(&SitePath::fixed("openlineage.ndjson"), &openlineage::events(site, plan.names))?;
    let mut search = SearchIndex::begin(folder.begin(&search::path()))?;
    let mut json = CatalogJson::begin(folder.begin(&SitePath::fixed("catalog.json")))?;
    json.list("attention")?;
    attention.iter().try_for_each(|item| json.add(&json::attention(item)))?;
    json.list("entities")?;
    for entity in plan.entities {
        folder.write(&SitePath::entity(&entity.name), &pages::entity(site, entity))?;
        search.entity(entity)?;
        json.add(&json::entity(site, entity))?;
    }
    json.list("tables")?;
    tables(connection, site, !plan.quick, (&mut folder, &mut search, &mut json)).await?;
    json.list("executions")?;
    for run in &facts.runs {
        folder.write(&SitePath::run(&run.execution_id), &pages::run(site, run))?;
        search.run(run)?;
        json.add(&json::run(run))?;
    }
    folder.finish(search.end()?)?;
    folder.finish(json.end()?)?;
    let counts = [facts.relations.len(), facts.runs.len(), attention.len()].map(|n| n as u64);
    let state = state.map(|state| format!("{state} {} {} {}", counts[0], counts[1], counts[2]));
    let changes = folder.close(state.as_deref())?;
    Ok(BuiltSite { changes, tables: counts[0], runs: counts[1], attention: counts[2] })
}

/// A digest of everything that the site is made from: the database, the declarations, this program and the
/// flags. `None` while something is running.
async fn made_from(connection: &Connection, plan: CatalogPlan<'_>) -> Result<Option<String>> {
    let row = connection.query_one(sql_file!("catalog/state.sql"), &[]).await?;
    let Some(database) = row.get::<_, Option<String>>(0) else { return Ok(None) };
    let declared = format!("{:?} {:?} {:?} {:?}", plan.entities, plan.dimensions, plan.checks, plan.names);
    let mut digest = Sha256::new();
    if row.get(1) {
        // What is vacuumed and analyzed is shards, on their servers.
        for row in ask_servers(connection, sql_file!("citus/counters.sql"), 1).await? {
            digest.update(row.name(0).as_bytes());
        }
    }
    for part in [database.as_str(), &declared, if plan.quick { "quick" } else { "full" }] {
        digest.update(part.as_bytes());
    }
    pages::ASSETS.iter().for_each(|(_, text)| digest.update(text.as_bytes()));
    Ok(Some(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// The site as it is, if it was made from the same.
fn unchanged(folder: &SiteFolder, state: &str) -> Option<BuiltSite> {
    let mut counts = folder.state()?.strip_prefix(state)?.split_whitespace().map(|n| n.parse().ok());
    let mut next = || counts.next().flatten();
    let (tables, runs, attention) = (next()?, next()?, next()?);
    Some(BuiltSite { changes: folder.unchanged(), tables, runs, attention })
}

/// A text that differs when anything was loaded, transformed or run since the last time.
///
/// # Errors
/// See [`crate::pg`].
pub async fn state(connection: &Connection) -> Result<String> {
    Ok(connection.query_one(sql_file!("catalog/changed.sql"), &[]).await?.get(0))
}

/// The pages of all tables, as their columns arrive.
async fn tables(
    connection: &mut Connection,
    site: Site<'_>,
    statistics: bool,
    (folder, search, json): (&mut SiteFolder, &mut SearchIndex, &mut CatalogJson),
) -> Result<()> {
    let tx = connection.begin().await?;
    let mut columns = facts::columns(&tx, &site.facts.oids(), statistics).await?;
    for relation in &site.facts.relations {
        let mut columns = columns.of(relation.oid).await?;
        site.facts.shard_columns.complete(relation, &mut columns);
        let name = relation.full_name();
        let origins: Vec<ColumnOrigin> =
            columns.iter().map(|column| site.declared.origin(&name, &column.name)).collect();
        let subject = TableSubject { relation, columns: &columns };
        let page = SitePath::table(&relation.schema, &relation.name);
        folder.write(&page, &pages::table(site, subject))?;
        let named: Vec<(&str, &ColumnOrigin)> =
            columns.iter().map(|column| column.name.as_str()).zip(&origins).collect();
        search.table((&name, relation.kind_word(), &page), relation.comment.as_deref(), &named)?;
        json.add(&json::table(site, subject, &origins))?;
    }
    drop(columns);
    tx.rollback().await
}

/// What a language model should read first.
fn llms(site: Site<'_>) -> String {
    // Markdown: a name in code cannot end it.
    let code = |text: &str| format!("`{}`", escaped(&visible::line(text)).replace('`', "'"));
    let mut text =
        "# Catalog of a data warehouse\n\n> Tables, columns, lineage and executions of a warehouse that evo \
                    fills from JSON documents. Names and numbers only; no value of a table.\n\n\
                    - [catalog.json](catalog.json): everything, for programs\n\
                    - [catalog.schema.json](catalog.schema.json): its JSON schema\n\
                    - [openlineage.ndjson](openlineage.ndjson): executions as OpenLineage events\n\n## Entities\n\n"
            .to_owned();
    for entity in site.declared.entities {
        let tables: Vec<String> = entity.models.iter().map(|model| code(&model.table)).collect();
        text += &format!(
            "- [{}]({}): objects below {}, documents in {}, tables {}\n",
            code(&entity.name),
            SitePath::entity(&entity.name).as_str(),
            code(&entity.bronze_prefix),
            code(&entity.staging.table),
            tables.join(", ")
        );
    }
    text += "\n## Tables and views\n\n";
    for relation in
        site.facts.relations.iter().filter(|r| site.declared.role(&r.full_name()).is_some() || !r.is_table())
    {
        let page = SitePath::table(&relation.schema, &relation.name);
        let comment = relation.comment.as_deref().map(|comment| format!(": {}", escaped(&visible::line(comment))));
        text += &format!("- [{}]({}){}\n", code(&relation.full_name()), page.as_str(), comment.unwrap_or_default());
    }
    text
}
