//! The integration tests: the real binary against a real PostgreSQL.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod azure;
mod chaos;
mod checks;
mod cli;
mod connections;
mod dates;
mod db;
mod dimensions;
mod documented;
mod dry_run;
mod extract;
mod faults;
mod histories;
mod imitation;
mod inputs;
mod lake;
mod left_out;
mod limits;
mod load;
mod names;
mod objects;
mod oracle;
mod order;
mod planning;
mod progress;
mod protection;
mod queries;
mod reading;
mod readings;
mod readme;
mod refused;
mod rejects;
mod rights;
mod session;
mod sign_in;
mod statements;
mod storage;
mod support;
mod surroundings;
mod terminal;
mod toy;
mod transform;
mod values;
mod verdict;
