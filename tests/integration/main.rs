//! The integration tests: the real binary against a real PostgreSQL.

mod cli;
mod db;
mod load;
mod storage;
mod support;
mod toy;
mod transform;
