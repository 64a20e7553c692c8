//! How the connection is protected, what is in front of the server, and how many connections a job may have.

use super::finding::{DoctorFinding, Gravity};
use super::server::ServerFacts;
use super::subject::Subject;
use crate::config::dsn::{Dsn, Roots, Server, SslMode};
use crate::error::Result;

/// Connections that a full refresh needs; a load and an increment need one less.
const LEAST: usize = 2;
const LEAST_REFRESH: usize = 3;

/// TLS and poolers.
pub(super) fn protection(dsn: &Dsn, facts: &ServerFacts, is_pooled: bool) -> Vec<DoctorFinding> {
    let mut found = Vec::new();
    if is_pooled {
        let what = "a pooler in transaction mode is in front of the server";
        let why = "loads and transforms work; VACUUM and REINDEX of `evo optimize-storage` run under the role's own \
                   timeouts";
        found.push(
            DoctorFinding::new(Gravity::Note, "connection.pooler", what, why)
                .words("give `evo optimize-storage` the server's own address in --database-url, usually port 5432"),
        );
    }
    let is_local = dsn.servers.iter().all(Server::is_local);
    let mode = dsn.protection.mode;
    let is_verified = matches!(mode, SslMode::VerifyFull | SslMode::VerifyCa)
        || mode == SslMode::Require && dsn.protection.roots != Roots::System;
    // Behind a pooler the server sees the pooler's connection.
    let is_plain = !is_pooled && facts.is_encrypted == Some(false);
    if !is_local && (is_plain || !is_verified) {
        let what = match is_plain {
            true => "the connection is not encrypted".to_owned(),
            false => format!("the server's certificate is not verified (sslmode={})", mode.name()),
        };
        let why = "somebody in between can read the documents, or pose as the server and receive the password";
        found.push(
            DoctorFinding::new(Gravity::Advice, "connection.tls", what, why)
                .words("put sslmode=verify-full into --database-url, and sslrootcert=FILE for a root of your own"),
        );
    }
    found
}

/// Whether there are enough connections for the workers.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn room(subject: &Subject<'_>, is_pooled: bool) -> Result<Vec<DoctorFinding>> {
    let wanted = subject.workers + LEAST;
    let room = subject.pool.count_room(wanted).await?;
    if room >= wanted {
        return Ok(Vec::new());
    }
    let what = format!("{room} connections are left; {} workers use up to {wanted}", subject.workers);
    let (gravity, why) = match room {
        0..LEAST => (Gravity::Breaks, "a load and a transform need two, a full refresh three"),
        LEAST..LEAST_REFRESH => (Gravity::Breaks, "a full refresh needs three; the others work with fewer workers"),
        _ => (Gravity::Advice, "jobs work with fewer workers, and take longer"),
    };
    let finding = DoctorFinding::new(gravity, "connections.room", what, why);
    Ok(vec![match is_pooled {
        true => finding.words(format!("in pgbouncer.ini: default_pool_size = {}", wanted + LEAST)),
        false => finding.words(
            "raise the smallest of the limits (alter role … connection limit, alter database … connection limit, \
             max_connections), end other sessions, or use fewer --workers",
        ),
    }])
}
