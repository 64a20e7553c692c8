//! The servers of a Citus cluster: whether they answer, and do what jobs rely on.

use std::collections::BTreeMap;

use super::finding::{DoctorFinding, Gravity};
use super::subject::{SCHEMAS, Subject};
use crate::citus::{self, Layout, PartRow, ServerAnswer, Unlike};
use crate::counted::counted;
use crate::error::{Kind, Result};
use crate::pg::Connection;
use crate::sql::{fill, literal};

/// What the examination of a cluster came to.
pub(super) struct ExaminedCluster {
    /// Findings about its servers, and about how tables are distributed.
    pub servers: Result<Vec<DoctorFinding>>,
    pub distribution: Result<Vec<DoctorFinding>>,
    /// Size of the database on all servers; `None` where one does not answer.
    pub bytes: Option<u64>,
}

/// Examines a database that has Citus.
pub(super) async fn examine(connection: &mut Connection, subject: &Subject<'_>) -> ExaminedCluster {
    let (servers, bytes) = match servers(connection).await {
        Ok(answers) => (findings(connection, &answers).await, bytes(&answers)),
        Err(error) => (Err(error), None),
    };
    ExaminedCluster { servers, distribution: distribution(connection, subject).await, bytes }
}

fn rows(answers: &[ServerAnswer]) -> Vec<(&ServerAnswer, &PartRow)> {
    answers.iter().filter_map(|one| Some((one, one.rows.as_ref().ok()?.first()?))).collect()
}

fn bytes(answers: &[ServerAnswer]) -> Option<u64> {
    let rows = rows(answers);
    (rows.len() == answers.len()).then(|| rows.iter().map(|(_, row)| row.size(0)).sum())
}

async fn findings(connection: &Connection, answers: &[ServerAnswer]) -> Result<Vec<DoctorFinding>> {
    let rows = rows(answers);
    let mut found: Vec<DoctorFinding> = answers.iter().filter_map(silent).collect();
    found.extend(rows.iter().filter_map(|(server, row)| prepared(server, row)));
    // One that does not answer has been found already.
    if rows.len() == answers.len() {
        found.extend(settings(citus::unlike(connection).await?));
    }
    found.extend(indexes(&rows));
    Ok(found)
}

async fn servers(connection: &Connection) -> Result<Vec<ServerAnswer>> {
    let schemas = SCHEMAS.map(literal).join(", ");
    let query = fill(sql_file!("doctor/cluster_servers.sql"), &[]).replace("$1", &format!("array[{schemas}]"));
    citus::ask_each_server(connection, &query, 3).await
}

fn silent(server: &ServerAnswer) -> Option<DoctorFinding> {
    let said = server.rows.as_ref().err()?;
    let what = format!("{} does not answer: {}", server.name, said.lines().next().unwrap_or_default());
    let why = "loads and transforms of distributed tables fail, and so does whatever reads them";
    let finding = DoctorFinding::new(Gravity::Breaks, "cluster.silent", what, why);
    Some(finding.words("start it, or let this server reach it; its address: select * from pg_dist_node"))
}

fn prepared(server: &ServerAnswer, row: &PartRow) -> Option<DoctorFinding> {
    let open = row.size(1);
    let transactions = counted(open, "transaction of Citus is", "transactions of Citus are");
    let what = format!("{transactions} prepared on {} for more than a minute", server.name);
    let why = "their rows cannot be seen and stay locked; jobs wait for them for half a minute and then end";
    let finding = DoctorFinding::new(Gravity::Breaks, "cluster.prepared", what, why);
    // It commits what the coordinator has committed, and rolls back the rest.
    (open > 0).then(|| finding.sql("select recover_prepared_transactions();"))
}

/// Settings with which the servers evaluate their parts of a statement. What a job sets does not reach them.
fn settings(unlike: Vec<Unlike>) -> Vec<DoctorFinding> {
    let mut found: BTreeMap<String, (Vec<String>, Unlike)> = BTreeMap::new();
    for one in unlike {
        let (servers, _) = found.entry(one.name.clone()).or_insert_with(|| (Vec::new(), one.clone()));
        servers.push(format!("{} on {}", one.found, one.server));
    }
    let finding = |(name, (servers, one)): (String, (Vec<String>, Unlike))| {
        let (gravity, why) = match one.changes_values {
            true => {
                (Gravity::Breaks, "models would give other values there: jobs end with exit code 3 before they begin")
            }
            false => (Gravity::Advice, "each shard's part of a query is compiled, which takes longer than running it"),
        };
        let what = format!("in the role's sessions {name} is {}", servers.join(", "));
        DoctorFinding::new(gravity, format!("cluster.{name}"), what, why).sql(format!("{};", one.remedy))
    };
    found.into_iter().map(finding).collect()
}

fn indexes(rows: &[(&ServerAnswer, &PartRow)]) -> Option<DoctorFinding> {
    let on = |(server, row): &(&ServerAnswer, &PartRow)| -> Vec<String> {
        row.texts(2).iter().map(|index| format!("{index} on {}", server.name)).collect()
    };
    // The coordinator's own are found with what jobs left.
    let names: Vec<String> = rows.iter().filter(|(server, _)| !server.is_coordinator).flat_map(on).collect();
    let what =
        format!("{} of shards: {}", counted(names.len() as u64, "INVALID index", "INVALID indexes"), names.join(", "));
    let finding =
        DoctorFinding::new(Gravity::Advice, "cluster.indexes", what, "it serves no reader and costs every writer");
    (!names.is_empty()).then(|| finding.shell("evo optimize-storage --reindex --min-bloat 100%"))
}

/// Entities whose tables are not distributed, or not alike.
async fn distribution(connection: &mut Connection, subject: &Subject<'_>) -> Result<Vec<DoctorFinding>> {
    let mut found = Vec::new();
    for entity in subject.entities {
        let command = format!("evo distribute {}", entity.name);
        let tx = connection.begin().await?;
        let layout = Layout::read_in(&tx, entity).await;
        tx.rollback().await?;
        match layout {
            Ok(Layout::Distributed) => {}
            Ok(Layout::Local) => {
                let what = format!("the tables of {} are on the coordinator alone", entity.name);
                let why = "that is right for small ones; the other servers do not help with them";
                found.push(DoctorFinding::new(Gravity::Note, "cluster.local", what, why).shell(command));
            }
            Err(error) if error.kind() == Kind::Config => {
                let detail = error.detail_text().unwrap_or_default().replace('\n', ", ");
                let what = format!("{}: {detail}", error.message());
                let why = "its loads and transforms end with exit code 3 before they begin";
                found.push(DoctorFinding::new(Gravity::Breaks, "cluster.mixed", what, why).shell(command));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
