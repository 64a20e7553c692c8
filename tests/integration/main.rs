//! The integration tests: the real binary against a real PostgreSQL.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod azure;
mod cli;
mod db;
mod inputs;
mod load;
mod storage;
mod support;
mod toy;
mod transform;
mod verdict;
