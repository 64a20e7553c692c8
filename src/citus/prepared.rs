//! The wait for commits that one server has made and another has not.
//!
//! Citus commits in two phases: every server prepares, the coordinator commits, and then tells the others to.
//! In between, the coordinator shows the ledger's row of a batch whose rows no one can see. Whatever the
//! ledger showed was prepared on all servers before. So it is enough to wait until the transactions that are
//! prepared now are gone; those that are prepared later belong to batches that were not read.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::pg::Ask;

/// How long a server may take to make a commit that was decided. Citus settles those that a lost connection
/// left behind after a minute (`citus.recover_2pc_interval`), so the job repeats.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait before asking again.
const POLL: Duration = Duration::from_millis(20);

/// Waits until the transactions that are prepared at this moment are committed or rolled back.
pub(super) async fn wait_until_visible(ask: &impl Ask) -> Result<()> {
    let mut open = prepared(ask, None).await?;
    let began = Instant::now();
    while !open.is_empty() {
        if began.elapsed() > LIMIT {
            let message = format!("a commit is not complete after {} s", LIMIT.as_secs());
            return Err(Error::new(Kind::DatabaseBusy, message)
                .detail(open.join("\n"))
                .hint("Citus completes it within citus.recover_2pc_interval: select recover_prepared_transactions()"));
        }
        tokio::time::sleep(POLL).await;
        let names: Vec<String> = open.iter().filter_map(|one| one.split(' ').next()).map(str::to_owned).collect();
        open = prepared(ask, Some(names)).await?;
    }
    Ok(())
}

/// The prepared transactions, each with the server that has it; all, or those of these names.
async fn prepared(ask: &impl Ask, names: Option<Vec<String>>) -> Result<Vec<String>> {
    let mut open = Vec::new();
    for row in ask.query(sql_file!("citus/prepared.sql"), &[&names]).await? {
        let (node, answered, found): (Option<String>, bool, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let node = node.as_deref().unwrap_or("the coordinator");
        if !answered {
            let message = format!("{node} does not say what it has prepared");
            return Err(Error::new(Kind::DatabaseUnavailable, message).detail(found.join(" ")));
        }
        open.extend(found.into_iter().map(|name| format!("{name} on {node}")));
    }
    Ok(open)
}
