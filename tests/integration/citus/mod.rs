//! Distributed tables: on a Citus cluster where `EVO_TEST_CITUS_URL` names one, otherwise on a server with a
//! stub of the functions of Citus that evo calls. The stub runs evo's own branches; only a cluster can say
//! what Citus refuses.

mod changed;
mod distribute;
mod reading;
mod rows;
mod statements;
mod visible;

use crate::support::{Database, Evo, cluster};

const STUB: &str = include_str!("stub.sql");

/// A warehouse whose tables are distributed.
fn distributed() -> Evo {
    match cluster::is_cluster() {
        true => Evo::new(),
        false => {
            let evo = with_stub(Database::migrated());
            evo.run(&["distribute"]).exits(0);
            evo
        }
    }
}

/// A warehouse with the stub, in which nothing is distributed yet.
fn with_stub(db: Database) -> Evo {
    db.sql(STUB);
    Evo::with(db)
}
