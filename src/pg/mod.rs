//! PostgreSQL: connecting, the pool, transactions and what an SQLSTATE means. The only place that knows the driver.

mod certificate;
mod connect;
mod connect_error;
mod connection;
mod copy;
mod dial;
pub mod error;
mod explain;
mod guard;
mod health;
mod lock;
mod param;
mod pool;
mod presence;
mod room;
mod session;
mod settings;
mod tls;

pub use connection::{Ask, Connection, Rows, Transaction};
pub use copy::CopyIn;
pub use explain::explain;
pub use lock::{EntityLock, Purpose};
pub use param::Param;
pub use pool::{Lease, Patience, Pool};
pub use presence::Presence;
pub use tokio_postgres::Row;
