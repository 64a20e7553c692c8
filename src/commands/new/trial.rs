//! A trial of a draft: its first documents, loaded and transformed in a database that is dropped afterwards.
//!
//! The jobs are those of this program, each a process of its own, with nothing of this one's settings.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::process::Command;
use uuid::Uuid;

use crate::commands::database;
use crate::config::dsn::Dsn;
use crate::config::{self, Settings};
use crate::draft::SampleFile;
use crate::entity::{Entity, Input};
use crate::error::{Error, Kind, Result};
use crate::pg::{Connection, Pool};
use crate::sql::{columns, ident, qualified};
use crate::transform::example::rows_of;

/// Documents that are tried out.
const DOCUMENTS: usize = 1_000;

/// What a trial came to.
#[derive(Debug, Default)]
pub(super) struct TrialRun {
    /// Documents that were loaded.
    pub documents: u64,
    /// Values that did not fit.
    pub issues: u64,
    /// Of each table the rows that the documents of the draft's test become.
    pub example: Vec<(String, Vec<Map<String, Value>>)>,
    /// Of each table its name, how many rows it has, and the first ones as JSON.
    pub tables: Vec<(String, u64, Vec<Value>)>,
}

/// What is tried out.
pub(super) struct TriedDraft<'a> {
    pub entity: &'a Entity,
    /// How the samples are written. Of the entity itself nothing is declared: its documents are lines of JSON
    /// here.
    pub input: &'a Input,
    pub samples: &'a [SampleFile],
    /// The documents of its test.
    pub example: &'a [String],
}

/// Tries a draft out, whose files are in the folder `own` of `dir`.
///
/// # Errors
/// Those of the private server; `Config` when a job fails, with what it said.
pub(super) async fn run(settings: &Settings, dir: &Path, tried: &TriedDraft<'_>, rows: u32) -> Result<TrialRun> {
    let cluster = database::cluster(settings);
    let address = tokio::task::spawn_blocking(move || cluster.ensure())
        .await
        .map_err(|e| Error::new(Kind::Internal, "the thread that starts the private PostgreSQL died").caused_by(e))??;
    let name = format!("evo_trial_{}", Uuid::new_v4().simple());
    let admin = Pool::new(Dsn::parse(&address.url())?, "evo:new", 1);
    // Its lock says until the end of this session that the database is in use.
    let session = admin.get().await?;
    for row in session.query(sql_file!("draft/begin_trial.sql"), &[&name]).await? {
        drop_database(&session, row.get(0)).await?;
    }
    let create = format!("create database {} template template0", ident(&name));
    session.outside(&create, Duration::ZERO).await?;
    let url = address.url().replacen(&format!("/{}?", address.database), &format!("/{name}?"), 1);
    let tried = in_database(&url, dir, tried, rows).await;
    let dropped = drop_database(&session, &name).await;
    tried.and_then(|trial| dropped.map(|()| trial))
}

async fn drop_database(session: &Connection, name: &str) -> Result<()> {
    session.outside(&format!("drop database {} with (force)", ident(name)), Duration::ZERO).await
}

async fn in_database(url: &str, dir: &Path, tried: &TriedDraft<'_>, rows: u32) -> Result<TrialRun> {
    let lake = dir.join("lake");
    let documents = write_documents(&lake, tried).await?;
    let TriedDraft { entity, example, .. } = tried;
    job(url, dir, &["migrate"]).await?;
    job(url, dir, &["load", &entity.name, "--max-rejects", "100%", "--accept", "contract"]).await?;
    job(url, dir, &["transform", &entity.name, "--full-refresh"]).await?;
    // What increments do with the same documents is another path, and must come to the same.
    job(url, dir, &["transform", &entity.name, "--in-place"]).await?;
    let pool = Pool::new(Dsn::parse(url)?, "evo:new", 1);
    let mut connection = pool.get().await?;
    let mut trial = TrialRun { documents, ..TrialRun::default() };
    let issues = connection.query_one("select count(*) from evo.issues", &[]).await?;
    trial.issues = issues.get::<_, i64>(0).unsigned_abs();
    for model in &entity.models {
        let (name, core) = (model.table.trim_start_matches("core."), qualified(&model.table));
        let count = connection.query_one(&format!("select count(*) from {core}"), &[]).await?;
        let key = columns(&model.key);
        let sql = format!("select to_json(t.*) from (select * from {core} order by {key} limit {rows}) t");
        let first = match rows {
            0 => Vec::new(),
            _ => connection.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect(),
        };
        trial.tables.push((name.to_owned(), count.get::<_, i64>(0).unsigned_abs(), first));
    }
    for model in &entity.models {
        let rows = rows_of(&mut connection, (entity, model), Some(example), 0).await?;
        trial.example.push((model.table.trim_start_matches("core.").to_owned(), rows));
    }
    Ok(trial)
}

/// Writes the first documents of the samples into a lake. Returns how many.
async fn write_documents(lake: &Path, tried: &TriedDraft<'_>) -> Result<u64> {
    let folder = lake.join(&tried.entity.bronze_prefix).join("ingestion_date=2000-01-01/run_id=1");
    let lines = crate::draft::first_documents(tried.samples, tried.input, DOCUMENTS).await?;
    let unwritable = |e| Error::new(Kind::Config, format!("cannot write to {}", folder.display())).caused_by(e);
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    std::fs::write(folder.join("sample.jsonl"), lines.join(&b'\n')).map_err(unwritable)?;
    Ok(lines.len() as u64)
}

/// Runs a job of this program.
async fn job(url: &str, dir: &Path, words: &[&str]) -> Result<()> {
    let failed = |text: String| {
        let message = format!("the draft does not work: evo {} failed", words.join(" "));
        Error::new(Kind::Config, message)
            .detail(text)
            .hint("--no-trial writes it as it is, so that you can correct it; and please report what you gave it")
    };
    let program = config::own_program().map_err(|e| failed(e.to_string()))?;
    let mut command = Command::new(program);
    command.args(words).args(["--extend", "own", "--lake", "lake", "--log-format", "text"]).current_dir(dir);
    command.env("EVO_DATABASE_URL", url).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|e| failed(e.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
