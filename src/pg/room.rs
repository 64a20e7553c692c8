//! How many connections a job may have, found out before it divides its work: with few of them it is slower
//! but succeeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::pool::Pool;
use crate::error::{Error, Kind, Result};

/// How long a pooler may take to give another transaction a server connection.
const SLOW: Duration = Duration::from_secs(1);
/// How often the number of open transactions is checked.
const CHECK: Duration = Duration::from_millis(25);

impl Pool {
    /// How many of `wanted` simultaneous connections this job can count on, from `least` to `wanted`. Logs a
    /// warning when there are fewer than wanted. Connections for locks count too.
    ///
    /// # Errors
    /// `DatabaseBusy` when there are fewer than `least`, the number that `what` needs to work at all; as
    /// [`Pool::retry`].
    pub async fn room(&self, what: &str, least: usize, wanted: usize) -> Result<usize> {
        let room = self.count_room(wanted).await?;
        if room < least {
            let message = format!("{what} needs {least} connections, and the server has only {room} left");
            return Err(Error::new(Kind::DatabaseBusy, message)
                .hint(
                    "raise the limit (alter role … connection limit, alter database … connection limit, \
                     max_connections, or the pooler's pool size), or end other sessions",
                )
                .given_up());
        }
        if room < wanted && self.tighten() {
            tracing::warn!(
                room,
                wanted,
                "the server has few connections left: using fewer workers, the work takes longer"
            );
        }
        Ok(room.min(wanted))
    }

    /// How many simultaneous connections this job could have; behind a pooler, of `wanted`.
    ///
    /// # Errors
    /// As [`Pool::retry`].
    pub async fn count_room(&self, wanted: usize) -> Result<usize> {
        let ask = async || {
            let connection = self.get().await?;
            let row = connection.query_one(sql_file!("pg/room.sql"), &[]).await?;
            Ok((usize::try_from(row.get::<_, i64>(0)).unwrap_or(1), connection.is_pooled()))
        };
        let (known, is_pooled) = self.retry("counting the connections that are left", ask).await?;
        match is_pooled {
            // A pooler's limits are not the server's: they show only when connections are used.
            true => Ok(self.probe(wanted).await),
            false => Ok(known),
        }
    }

    /// How many transactions can be open at the same time, up to `wanted`.
    async fn probe(&self, wanted: usize) -> usize {
        let (release, _) = watch::channel(false);
        let open = AtomicUsize::new(0);
        let tries = (0..wanted).map(|_| {
            let (mut released, open) = (release.subscribe(), &open);
            async move {
                let Ok(mut connection) = self.get().await else { return };
                let Ok(tx) = connection.begin().await else { return };
                open.fetch_add(1, Ordering::Relaxed);
                let _ = released.wait_for(|released| *released).await;
                let _ = tx.rollback().await;
            }
        });
        let all = futures_util::future::join_all(tries);
        let until_settled = async {
            let mut seen = (0, tokio::time::Instant::now());
            loop {
                tokio::time::sleep(CHECK).await;
                let count = open.load(Ordering::Relaxed);
                if count > seen.0 {
                    seen = (count, tokio::time::Instant::now());
                }
                if count >= wanted || seen.1.elapsed() >= SLOW {
                    return count;
                }
            }
        };
        let mut all = std::pin::pin!(all);
        let count = tokio::select! {
            _ = &mut all => open.load(Ordering::Relaxed),
            count = until_settled => count,
        };
        release.send_replace(true);
        // Connections that still queue are dropped; the pool opens others instead.
        let _ = tokio::time::timeout(SLOW, all).await;
        count.max(1)
    }
}
