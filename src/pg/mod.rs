//! PostgreSQL: connecting, the pool, transactions and what a SQLSTATE means. The only place that knows the
//! driver.
//!
//! # Errors
//!
//! A function that talks to the server fails with the kind that [`sqlstate::SQLSTATES`] gives for the
//! server's SQLSTATE; [`SQLSTATES`](sqlstate::SQLSTATES) also says what each code means. Without a SQLSTATE
//! it fails with
//!
//! - `DatabaseUnavailable` when the connection was lost, could not be opened, or is silent for no reason;
//! - `CommitUnknown` when COMMIT was not answered: only the ledger knows the outcome;
//! - `DatabaseBusy` when a lock or a free connection could not be obtained in time;
//! - `DatabaseFull` when the server is read-only although it is not a standby;
//! - `Config` for an address, certificate or key that cannot be used, `AccessDenied` when the sign-in is
//!   refused;
//! - `Internal` for anything else that the driver reports: a defect.
//!
//! Retryable are the kinds whose disposition is `Reconnect`, `AskLedger`, `RetryNow` or `RetryLater`;
//! [`Pool::retry`] and [`EntityLock::retry`] repeat exactly these. No message holds a cell value or a
//! credential. Other functions that fail like this say "see [`crate::pg`]" and add only what is special to
//! them.

mod certificate;
mod connect;
mod connect_error;
mod connection;
mod copy;
mod dial;
mod error;
mod explain;
mod guard;
mod health;
mod holders;
mod lock;
mod manager;
mod open;
mod param;
mod pool;
mod presence;
mod recovery;
mod redact;
mod room;
mod row_key;
mod server_error;
mod session;
mod settings;
pub mod sqlstate;
mod suitable;
mod tls;
mod witness;

pub use connection::{Ask, Connection, RowStream, Transaction};
pub use copy::CopyIn;
pub use explain::explain;
pub use lock::{EntityLock, Purpose};
pub use param::Param;
pub(crate) use param::sent_as;
pub use pool::{Pool, Pooled};
pub use presence::Presence;
pub use recovery::{Diagnosis, Reconnect};
pub use server_error::{SCHEMA_HINT, error_of_shard};
pub use tokio_postgres::{Column, Row};
