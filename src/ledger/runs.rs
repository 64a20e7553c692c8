//! `evo.runs`: one row per execution of a command.

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::ids::ExecutionId;
use crate::pg::{Param, Pool};

/// The row of a running execution.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    /// Its id, also the `execution_id` of its batches.
    pub id: ExecutionId,
}

impl Execution {
    /// Records that `command` began to work on `entities`.
    ///
    /// # Errors
    /// As the server says.
    pub async fn begin(pool: &Pool, command: &str, entities: &[&str], arguments: &Value) -> Result<Self> {
        let id = ExecutionId::new();
        pool.retry("recording that this execution begins", async || {
            let values: [&dyn Param; 5] = [&id, &command, &entities.to_vec(), arguments, &env!("CARGO_PKG_VERSION")];
            pool.get().await?.execute(sql_file!("ledger/begin_run.sql"), &values).await
        })
        .await?;
        Ok(Self { id })
    }

    /// Records how it ended. A failure to record is logged: it must not hide the job's own end.
    pub async fn finish(self, pool: &Pool, summary: &Value, failure: Option<&Error>) {
        let state = match failure.map(Error::kind) {
            None => "succeeded",
            Some(Kind::Stopped) => "interrupted",
            Some(_) => "failed",
        };
        let code = failure.map_or(0, |e| i32::from(e.exit_code()));
        let text = failure.map(Error::render);
        let record = async || {
            let connection = pool.get().await?;
            connection.execute(sql_file!("ledger/finish_run.sql"), &[&self.id, &state, &code, summary, &text]).await
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
