//! The examination of a database: every group of checks, one after the other.

use super::finding::{DoctorFinding, Gravity};
use super::host::Host;
use super::server::ServerFacts;
use super::subject::Subject;
use super::{activity, cluster, connections, leftovers, rights, schema, server, tuning, volume};
use crate::error::{Error, Kind, Result};
use crate::pg::Pooled;

/// The result of an examination.
#[derive(Debug, Default)]
pub struct Examination {
    /// Facts about the server; `None` when it could not be asked.
    pub server: Option<ServerFacts>,
    /// The findings in the order in which they were found.
    pub findings: Vec<DoctorFinding>,
    /// The groups that were checked.
    pub checked: Vec<&'static str>,
    /// The groups that were not, and why.
    pub not_checked: Vec<(&'static str, String)>,
}

impl Examination {
    /// Adds the findings of a group, or why there are none.
    pub fn add(&mut self, group: &'static str, found: Result<Vec<DoctorFinding>>) {
        match found {
            Ok(found) => {
                self.findings.extend(found);
                self.checked.push(group);
            }
            Err(error) => self.not_checked.push((group, error.message().to_owned())),
        }
    }
}

/// Examines the database. A group that fails does not stop the others.
pub async fn examine(subject: &Subject<'_>) -> Examination {
    let mut done = Examination::default();
    let mut connection = match subject.pool.get().await {
        Ok(connection) => connection,
        Err(error) => {
            done.findings.push(unreachable(&error, &Host::of(subject.dsn)));
            done.checked.push("connection");
            done.not_checked.push(("everything else in the database", "there is no connection".to_owned()));
            return done;
        }
    };
    match server::read(&connection).await {
        Ok(mut facts) => {
            groups(subject, &mut connection, &facts, &mut done).await;
            if facts.has_citus {
                let cluster = cluster::examine(&mut connection, subject).await;
                done.add("cluster", cluster.servers);
                done.add("distribution", cluster.distribution);
                facts.bytes = cluster.bytes.unwrap_or(facts.bytes);
            }
            done.server = Some(facts);
            // Given back first: it may be the only one that the role may have.
            let is_pooled = connection.is_pooled();
            drop(connection);
            done.add("connections", connections::room(subject, is_pooled).await);
        }
        Err(error) => done.not_checked.push(("the database", error.message().to_owned())),
    }
    done
}

async fn groups(subject: &Subject<'_>, connection: &mut Pooled<'_>, facts: &ServerFacts, done: &mut Examination) {
    let host = &Host::of(subject.dsn).seen_as_azure(facts.is_azure);
    done.add("connection", Ok(connections::protection(subject.dsn, facts, connection.is_pooled())));
    done.add("server", Ok(server::findings(facts, subject.dsn, host)));
    done.add("replication", activity::replication(connection).await);
    done.add("rights", rights::examine(connection, facts, subject.entities).await);
    let schema = schema::version(connection, subject).await;
    let has_schema = matches!(&schema, Ok(found) if found.is_empty());
    done.add("schema", schema);
    done.add("zones and extensions", schema::surroundings(connection, subject, host).await);
    done.add("settings", tuning::examine(connection, facts, host).await);
    done.add("open transactions", activity::transactions(connection).await);
    match has_schema {
        true => {
            done.add("tables", volume::examine(connection, subject, host).await);
            done.add("leftovers", leftovers::examine(connection, subject.entities).await);
        }
        false => done.not_checked.push(("tables, leftovers", "the schema is not there, or not up to date".to_owned())),
    }
}

/// The finding for a database that gives no connection.
fn unreachable(error: &Error, host: &Host) -> DoctorFinding {
    let why = "no job and no command reaches the warehouse";
    let finding = DoctorFinding::new(Gravity::Breaks, "connection.failed", error.message(), why);
    let finding = error.hint_text().into_iter().fold(finding, DoctorFinding::words);
    match (host, error.kind()) {
        (Host::Azure(server), Kind::DatabaseUnavailable) => finding
            .shell(format!("az postgres flexible-server show -g GROUP -n {server} --query state"))
            .shell(format!(
                "az postgres flexible-server firewall-rule create -g GROUP -n {server} \\\n  \
                 --rule-name evo --start-ip-address ADDRESS --end-ip-address ADDRESS"
            )),
        _ => finding,
    }
}
