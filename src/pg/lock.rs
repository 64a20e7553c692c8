//! One execution at a time works on an entity, or on the whole warehouse, for one purpose.
//!
//! The lock is a transaction-level advisory lock in a transaction that stays open and does nothing else. It
//! needs no session state, so it works behind PgBouncer. It ends with the connection, whatever happens to the
//! process. An idle READ COMMITTED transaction holds no snapshot, so neither vacuum nor a concurrent rebuild
//! of an index waits for it.
//!
//! A lock can be lost while its holder is alive: in a failover, or because somebody ends its session. Another
//! execution may then have begun, and may be over already. The opposite happens too: behind a dead network
//! the server may keep the lock of a lost connection; that session is ended before the lock is taken again.
//! So work under a lock is done in steps by [`EntityLock::retry`]: each attempt first makes sure of the lock,
//! and what must not happen without it asks the server inside its own transaction
//! ([`EntityLock::assert_held`]).

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::connection::{Connection, Transaction};
use super::health::Backend;
use super::holders::Holders;
use super::pool::Pool;
use crate::error::{Error, Kind, Result};
use crate::retry::heals;

/// The purpose of an entity's lock. Loads take no lock: they share their batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `evo transform`: staging to core.
    Transform,
    /// Vacuum and reindex of the whole warehouse.
    OptimizeStorage,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Transform => "transform",
            Purpose::OptimizeStorage => "optimize-storage",
        }
    }
}

/// How long to wait for a lock whose holder has just ended: the server may take a moment to notice a closed
/// connection.
const GRACE: Duration = Duration::from_secs(2);

const HOLDS: &str = sql_file!("pg/holds_lock.sql");

/// The lock of an entity, held from [`EntityLock::take`] until it is released or dropped.
#[derive(Debug)]
pub struct EntityLock {
    pool: Pool,
    entity: String,
    purpose: Purpose,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Not taken yet, or released.
    Free,
    Held(Box<Held>),
    /// Another execution holds the lock.
    Taken {
        /// Whether this execution held it before.
        was_held: bool,
        /// The other execution's session, as far as the server shows it.
        by: Option<Holders>,
    },
}

#[derive(Debug)]
struct Held {
    connection: Connection,
    /// The server process that has the lock.
    backend: Backend,
}

impl EntityLock {
    /// The lock of `entity`, not taken yet. It uses a connection in addition to those of `pool`.
    pub fn new(pool: &Pool, entity: &str, purpose: Purpose) -> Self {
        Self { pool: pool.clone(), entity: entity.to_owned(), purpose, state: Mutex::new(State::Free) }
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// `AlreadyRunning` when another execution still has it after two seconds; as [`Pool::retry`].
    pub async fn take(&self) -> Result<()> {
        self.pool.retry(&format!("taking the lock on {}", self.entity), async || self.hold().await).await
    }

    /// Makes sure that the lock is held, and takes it again if it was lost.
    async fn hold(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        let was_held = match &*state {
            State::Free => false,
            State::Held(held) if self.is_alive(held).await? => return Ok(()),
            State::Held(held) => {
                // The server may not know that the connection is lost, and would keep the lock from its own
                // holder.
                self.pool.abandon(held.backend.clone());
                true
            }
            State::Taken { was_held, by } => return Err(self.taken(*was_held, by.as_ref())),
        };
        match self.acquire().await? {
            Ok(held) => {
                *state = State::Held(Box::new(held));
                Ok(())
            }
            Err(by) => {
                let error = self.taken(was_held, by.as_ref());
                *state = State::Taken { was_held, by };
                Err(error)
            }
        }
    }

    /// Repeats `attempt` as [`Pool::retry`] does, and makes sure of the lock before each attempt. An attempt
    /// that fails after the lock was lost may have failed because another execution dropped its tables; it is
    /// repeated once the lock is held again.
    ///
    /// # Errors
    /// `AlreadyRunning` when another execution has the lock; as [`Pool::retry`].
    pub async fn retry<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let under_the_lock = async || {
            self.hold().await?;
            // On the heap: as a part of its caller's, a job's future would be nested deeper than the compiler
            // follows.
            match Box::pin(attempt()).await {
                Err(error) if may_be_of_another(&error) && !self.is_held().await => {
                    Err(lost(&self.entity).caused_by(error))
                }
                other => other,
            }
        };
        self.pool.retry(what, under_the_lock).await
    }

    /// Asks the server whether the lock is held, in a transaction that must not commit without it. The answer
    /// stays true while the transaction holds locks that would block another execution.
    ///
    /// # Errors
    /// `DatabaseUnavailable` when the lock was lost with its connection; see [`crate::pg`].
    pub async fn assert_held(&self, tx: &Transaction<'_>) -> Result<()> {
        let held = match &*self.state.lock().await {
            State::Held(held) => {
                let row = tx.query_one(HOLDS, &[&held.backend.pid, &held.backend.started_at, &self.name()]).await?;
                row.get(0)
            }
            State::Free | State::Taken { .. } => false,
        };
        if held { Ok(()) } else { Err(lost(&self.entity)) }
    }

    /// Releases the lock now. A lost connection has released it already.
    pub async fn release(&self) {
        if let State::Held(held) = std::mem::replace(&mut *self.state.lock().await, State::Free)
            && held.connection.is_open()
        {
            let _ = tokio::time::timeout(GRACE, held.connection.let_go()).await;
        }
    }

    async fn is_held(&self) -> bool {
        match &*self.state.lock().await {
            State::Held(held) => self.is_alive(held).await.unwrap_or(false),
            State::Free | State::Taken { .. } => false,
        }
    }

    /// Whether its connection answers and the server that takes writes now is the one that has the lock: a
    /// lock on an old primary is worth nothing. If only another connection of the pool was lost, the server
    /// is asked once.
    async fn is_alive(&self, held: &Held) -> Result<bool> {
        if !held.connection.is_open() || held.connection.ping().await.is_err() {
            return Ok(false);
        }
        if held.connection.is_usable() {
            return Ok(true);
        }
        let connection = self.pool.get().await?;
        let row = connection.query_one(HOLDS, &[&held.backend.pid, &held.backend.started_at, &self.name()]).await?;
        Ok(row.get(0))
    }

    /// Takes the lock, or returns who has it.
    async fn acquire(&self) -> Result<std::result::Result<Held, Option<Holders>>> {
        let application_name = format!("{}:lock", self.name());
        let connection = self.pool.dedicated(&application_name).await?;
        connection.hold().await?;
        let started = Instant::now();
        loop {
            let row = connection.held_query_one(sql_file!("pg/try_lock.sql"), &[&self.name()]).await?;
            if row.get(0) {
                // The query's portal would stay open, and its snapshot with it, and nothing in the whole
                // database could be vacuumed while the lock is held. The simple protocol replaces the portal
                // and closes it.
                connection.ping().await?;
                let backend = Backend { pid: row.get(1), started_at: row.get(2), application_name };
                return Ok(Ok(Held { connection, backend }));
            }
            if started.elapsed() > GRACE {
                let row = connection.held_query_one(sql_file!("pg/lock_holders.sql"), &[&self.name()]).await?;
                return Ok(Err(row.get::<_, Option<String>>(0).map(|by| Holders { by, gid: row.get(1) })));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn taken(&self, was_held: bool, by: Option<&Holders>) -> Error {
        let (word, entity) = (self.purpose.word(), &self.entity);
        let error = Error::new(Kind::AlreadyRunning, format!("another execution of {word} works on {entity}"));
        let (detail, hint) = match was_held {
            true => (
                Some("this execution lost its lock with its connection, and another one has begun since"),
                "what this one committed stays; the other one does the rest",
            ),
            false => (None, "wait for it; if it is stalled, end it: select pg_terminate_backend(pid)"),
        };
        let named = by.map(|by| format!("it is {}", by.by));
        let detail: Vec<&str> = detail.into_iter().chain(named.as_deref()).collect();
        let error = if detail.is_empty() { error } else { error.detail(detail.join("; ")) };
        match by {
            Some(prepared) if prepared.gid.is_some() => error.hint(prepared.remedy()),
            _ => error.hint(hint),
        }
    }

    fn name(&self) -> String {
        format!("evo:{}:{}", self.purpose.word(), self.entity)
    }
}

/// Whether another execution that took the lock could have caused the error. Not for errors that are repeated
/// anyway, nor for a stop that was requested.
fn may_be_of_another(error: &Error) -> bool {
    !heals(error) && !error.is_given_up() && !matches!(error.kind(), Kind::Stopped | Kind::AlreadyRunning)
}

fn lost(entity: &str) -> Error {
    Error::new(Kind::DatabaseUnavailable, format!("this execution lost its lock on {entity}"))
}
