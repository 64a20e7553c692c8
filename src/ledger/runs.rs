//! `evo.runs`: one row per execution of a command.

use serde_json::Value;

use super::sign_of_life::SignOfLife;
use crate::config::Machine;
use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::meter::snapshot;
use crate::pg::{Param, Pool};

/// A running execution and its row. While it lives, the row shows every few seconds that it does, and what it
/// has done so far.
#[derive(Debug)]
pub struct Execution {
    /// Its id, also the `execution_id` of its batches.
    pub id: ExecutionId,
    _alive: SignOfLife,
}

impl Execution {
    /// Records that `command` began to work on `entities`, on this machine.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub async fn begin(
        pool: &Pool,
        command: &str,
        entities: &[&str],
        arguments: &Value,
        machine: &Machine,
    ) -> Result<Self> {
        let id = ExecutionId::new();
        let Machine { host_name, container_execution, process_id } = machine;
        let process_id = i64::from(*process_id);
        pool.retry("recording that this execution begins", async || {
            let values: [&dyn Param; 8] = [
                &id,
                &command,
                &entities.to_vec(),
                arguments,
                &env!("CARGO_PKG_VERSION"),
                host_name,
                container_execution,
                &process_id,
            ];
            pool.get().await?.execute(sql_file!("ledger/begin_run.sql"), &values).await
        })
        .await?;
        Ok(Self { id, _alive: SignOfLife::show(pool.clone(), id) })
    }

    /// Records how it ended. A failure to record is logged: it must not hide the job's own end.
    pub async fn finish(self, pool: &Pool, summary: &Value, failure: Option<&Error>) {
        let id = self.id;
        drop(self);
        let state = match failure.map(Error::kind) {
            None => "succeeded",
            Some(Kind::Stopped) => "interrupted",
            Some(_) => "failed",
        };
        let code = failure.map_or(0, |e| i32::from(e.exit_code()));
        let text = failure.map(Error::render);
        let record = async || {
            let connection = pool.get().await?;
            let values: [&dyn Param; 6] = [&id, &state, &code, summary, &text, &snapshot()];
            connection.execute(sql_file!("ledger/finish_run.sql"), &values).await
        };
        // A database that was waited for in vain is not waited for again, and a signal leaves no time for
        // that.
        let is_over = pool.is_stopping() || failure.is_some_and(Error::is_given_up);
        let recorded = match is_over {
            true => record().await,
            false => pool.retry("recording that this execution has ended", record).await,
        };
        if let Err(e) = recorded {
            tracing::warn!(error = e.message(), "the end of this execution could not be recorded in evo.runs");
        }
    }
}
