//! What a load makes of an extraction: objects are verified, and an open run is left alone.

use std::io::Write;

use super::{ALL_DAYS, World};

/// Rewrites the first object of sales: the same number of compressed bytes, or other ones.
fn tamper(world: &World, how: impl Fn(Vec<u8>) -> Vec<u8>) -> String {
    let files = super::files(&world.evo.lake().join("bronze/evo/entity=sales"));
    let object = files.into_iter().find(|path| path.to_str().unwrap().ends_with(".gz")).unwrap();
    std::fs::write(&object, how(std::fs::read(&object).unwrap())).unwrap();
    object.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn an_object_that_is_not_the_one_in_the_manifest_is_set_aside_and_the_others_are_loaded() {
    for (how, says) in [
        // A byte of the header that no decompressor minds: the time of the file.
        (
            (|mut bytes: Vec<u8>| {
                bytes[4] ^= 1;
                bytes
            }) as fn(Vec<u8>) -> Vec<u8>,
            "its SHA-256 is not the one in the manifest",
        ),
        (
            |_| {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(b"{\"idSale\": 1}").unwrap();
                encoder.finish().unwrap()
            },
            "bytes, the manifest says",
        ),
    ] {
        let world = World::new();
        world.extract("sales").exits(0);
        let name = tamper(&world, how);
        world.run(&["load", "sales"]).exits(6).says(says);
        let set_aside = "select reason from evo.objects where state = 'quarantined'";
        assert!(world.evo.db.one(set_aside).contains("not the object that the extraction wrote"));
        assert_eq!(world.evo.db.one("select count(*) from evo.objects where state = 'loaded'"), "35");
        let path = world.evo.db.one("select path from evo.objects where state = 'quarantined'");
        assert!(path.ends_with(&name), "{path}");
        assert_eq!(
            world
                .evo
                .db
                .one("select count(*) from stg_evo.sales_raw where sale_id = 1 and raw_data = '{\"idSale\": 1}'"),
            "0"
        );
    }
}

#[test]
fn an_object_that_the_manifest_does_not_list_does_not_belong_to_the_run() {
    let world = World::new();
    world.extract("prospects").exits(0);
    let files = super::files(&world.evo.lake().join("bronze/evo/entity=prospects"));
    let object = files.iter().find(|path| path.to_str().unwrap().ends_with(".gz")).unwrap();
    std::fs::copy(object, object.with_file_name("2030-01_part-00001.jsonl.gz")).unwrap();
    world.run(&["load", "prospects"]).exits(6).says("lists the objects of the run, and not this one");
    assert_eq!(world.evo.db.one("select count(*) from stg_evo.prospects_raw"), "60");
}

#[test]
fn a_lake_that_was_copied_elsewhere_is_verified_as_well() {
    let world = World::new();
    world.extract("prospects").exits(0);
    let from = world.evo.lake().join("bronze/evo");
    std::fs::create_dir_all(world.evo.lake().join("copy")).unwrap();
    std::fs::rename(&from, world.evo.lake().join("copy/bronze")).unwrap();
    let moved = world.evo.lake().join("copy/bronze");
    std::fs::create_dir_all(world.evo.dir.path().join("second/bronze")).unwrap();
    std::fs::rename(moved, world.evo.dir.path().join("second/bronze/evo")).unwrap();
    let other = crate::support::Evo::new();
    let lake = world.evo.dir.path().join("second");
    let mut command = crate::support::binary(other.dir.path());
    command.args(["load", "prospects", "--database-url", &other.db.url, "--lake", lake.to_str().unwrap()]);
    crate::support::Run::from(command.output().unwrap()).exits(0);
    assert_eq!(other.db.one("select count(*) from stg_evo.prospects_raw"), "60");
    assert_eq!(other.db.one("select lists_objects from evo.manifests"), "t");
}

#[test]
fn an_open_extraction_is_left_alone_even_the_first_one_of_a_lake() {
    let world = World::new();
    let days = [&["extract", "sales"][..], &ALL_DAYS].concat();
    let stopped = world.run(&[&days[..], &["--budget", "20", "--workers", "1"]].concat()).exits(0).json();
    assert_eq!(stopped["entities"][0]["state"], "open, budget spent");
    assert!(!world.objects("sales").is_empty(), "some of it is in the lake already");
    world.run(&["load", "sales", "--dry-run"]).exits(0).says("its extraction is still open");
    world.run(&["load", "sales"]).says("its extraction is still open");
    assert_eq!(world.evo.db.one("select count(*) from stg_evo.sales_raw"), "0");
    world.run(&days).exits(0);
    world.run(&["load", "sales"]).exits(0);
    assert_eq!(world.evo.db.one("select count(*) from stg_evo.sales_raw"), "900");
}
