//! An extraction to a lake on Azure Blob, against the emulator.

use super::{ALL_DAYS, World};
use crate::azure::Azurite;
use crate::support::Run;

#[test]
fn a_container_receives_what_a_directory_does_also_after_a_kill() {
    let world = World::new();
    let azurite = Azurite::with_lake_of(&world.evo);
    let run = |args: &[&str], failpoint: &str| {
        let mut command = crate::support::binary(world.evo.dir.path());
        command.args(args).args(["--lake", "az://datalake/some/prefix", "--database-url", &world.evo.db.url]);
        command.env("EVO_USERNAME", "gym").env("EVO_PASSWORD", "secret");
        command.env("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string()).env("EVO_FAILPOINTS", failpoint);
        Run::from(command.output().unwrap())
    };
    let extract = [&["extract", "sales"][..], &ALL_DAYS].concat();
    // The object is in the container, and the ledger does not know it: it is replaced.
    assert_ne!(run(&extract, "extract.after_object=kill@3").code, 0);
    run(&extract, "").exits(0);
    run(&["load", "sales"], "").exits(0);
    assert_eq!(world.evo.db.one("select count(*) from stg_evo.sales_raw"), "900");
    let difference = "select m.records_count - sum(o.lines_count) from evo.manifests m join evo.objects o using (run_id) \
                      group by m.records_count";
    assert_eq!(world.evo.db.one(difference), "0", "the manifest counts what the objects hold");
}
