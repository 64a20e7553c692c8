//! The address of a PostgreSQL server, in libpq's two syntaxes, without any driver.
//!
//! It exists because the driver knows neither `verify-full` nor `sslrootcert` and reads no `PG*` variable,
//! service file or password file. Every parameter of libpq is obeyed or refused by name: see `parameters.rs`.
//! Reference: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>.
//!
//! No error repeats a part of the address: anything in the wrong place may be part of a password.

mod address;
mod keepalive;
mod parameters;
mod parse;
mod password_file;
mod protection;
mod server;
mod service_file;
mod target;
mod wrong;

pub use address::Dsn;
pub use keepalive::Keepalive;
pub use protection::{ChannelBinding, Protection, Protocol, RequiredAuth, Roots, SslMode};
pub use server::Server;
pub use target::TargetSession;

#[cfg(test)]
mod tests;
