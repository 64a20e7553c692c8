//! How many connections a job may have, found out before it divides its work: with few of them it is slower, and done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::pool::Pool;
use crate::error::{Error, Kind, Result};

/// How long a pooler may take to give another transaction a server connection, and how often that is looked at.
const SLOW: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(25);

impl Pool {
    /// How many of `wanted` connections at once this job can count on, locks that are held for long included. Says so when
    /// there are fewer.
    ///
    /// # Errors
    /// `DatabaseBusy` when there are fewer than `least`, without which `what` cannot work; as [`Pool::retry`].
    pub async fn room(&self, what: &str, least: usize, wanted: usize) -> Result<usize> {
        let look = async || {
            let connection = self.get().await?;
            let row = connection.query_one(sql_file!("pg/room.sql"), &[]).await?;
            Ok((usize::try_from(row.get::<_, i64>(0)).unwrap_or(1), connection.is_pooled()))
        };
        let (known, is_pooled) = self.retry("looking how many connections there may be", look).await?;
        let room = match is_pooled {
            // A pooler's clients are not the server's: what it has for us shows only when it is asked for it.
            true => self.probe(wanted).await,
            false => known,
        };
        if room < least {
            let message = format!("{what} needs {least} connections at once, and the server leaves {room}");
            return Err(Error::new(Kind::DatabaseBusy, message)
                .hint(
                    "raise the limit (alter role … connection limit, alter database … connection limit, max_connections, or \
                     the pooler's pool size), or end other sessions",
                )
                .given_up());
        }
        if room < wanted && self.tighten() {
            tracing::warn!(room, wanted, "the server leaves few connections: fewer workers, the work takes longer");
        }
        Ok(room.min(wanted))
    }

    /// How many transactions can be open at once, up to `wanted`.
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
        let judge = async {
            let mut seen = (0, tokio::time::Instant::now());
            loop {
                tokio::time::sleep(LOOK).await;
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
            count = judge => count,
        };
        release.send_replace(true);
        // Those that still queue are dropped; the pool opens others in their place.
        let _ = tokio::time::timeout(SLOW, all).await;
        count.max(1)
    }
}
