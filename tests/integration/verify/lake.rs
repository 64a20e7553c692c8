//! Objects that are no longer what was loaded.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{deep_is_clean, mismatches, sales};
use crate::support::{Evo, cluster, gz, object, write};

const RUN_1: &str = "20260110T020501Z";
const RUN_2: &str = "20260111T020501Z";

fn loaded() -> Evo {
    let evo = Evo::new();
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 1, "v": 1}"#, r#"{"idSale": 2, "v": 1}"#]);
    object("sales", RUN_1, "b").lines(&evo.lake(), &[r#"{"idSale": 3, "v": 1}"#]);
    object("sales", RUN_2, "a").lines(&evo.lake(), &[r#"{"idSale": 2, "v": 2}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    deep_is_clean(&evo);
    evo
}

/// Replaces the bytes of an object and leaves its etag as it was: of a file with two names, the time of the
/// last change of its status is no part of it.
fn overwrite(path: &Path, bytes: &[u8]) {
    let lake = path.ancestors().find(|folder| folder.ends_with("bronze")).and_then(Path::parent).unwrap();
    std::fs::hard_link(path, lake.with_extension("second-name")).unwrap();
    let time = std::fs::metadata(path).unwrap().modified().unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn an_object_that_was_replaced_or_has_grown_is_named_and_loaded() {
    let evo = loaded();
    let path = object("sales", RUN_1, "b").path();
    let text = "{\"idSale\": 3, \"v\": 1}\n{\"idSale\": 4, \"v\": 1}\n".repeat(40);
    write(&evo.lake(), &path, &gz(text.as_bytes()));
    for args in [&[][..], &["--deep"]] {
        assert_eq!(mismatches(&sales(&evo, args)), [("object-replaced ".to_owned(), path.clone())], "{args:?}");
    }
    evo.run(&["verify", "sales"]).exits(6).says("grown").says("evo load sales");
    evo.run(&["verify", "sales", "--repair"]).exits(0).says("repaired");
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "4");
    evo.run(&["transform", "sales"]).exits(0);
    deep_is_clean(&evo);
}

#[test]
fn an_object_that_is_gone_is_named_and_can_be_accepted() {
    let evo = loaded();
    let path = object("sales", RUN_1, "b").path();
    std::fs::remove_file(evo.lake().join(&path)).unwrap();
    assert_eq!(mismatches(&sales(&evo, &[])), [("object-gone ".to_owned(), path.clone())]);
    evo.run(&["verify", "sales"]).exits(6).says(&path).says("--accept object-gone");
    let deep = sales(&evo, &["--deep"]);
    assert_eq!((mismatches(&deep).len(), deep["unprovable_rows"].as_u64()), (1, Some(1)));
    evo.run(&["verify", "sales", "--deep", "--accept", "object-gone"]).exits(0);
    // Nothing can be loaded instead, and nothing is taken away.
    evo.run(&["verify", "sales", "--repair"]).exits(6);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw"), "3");
}

#[test]
fn an_object_whose_bytes_are_broken_since_it_was_loaded_is_unreadable() {
    if cluster::is_left_out("there every row is read, because its transaction on a shard is not that of the ledger") {
        return;
    }
    let evo = loaded();
    let path = evo.lake().join(object("sales", RUN_1, "a").path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    overwrite(&path, &bytes);
    evo.run(&["verify", "sales"]).exits(0);
    let deep = sales(&evo, &["--deep"]);
    assert!(mismatches(&deep)[0].0.starts_with("object-unreadable"), "{deep:#}");
}

#[test]
fn lines_of_an_object_that_turns_out_broken_prove_nothing_about_rows() {
    let evo = Evo::new();
    let path = object("sales", RUN_1, "a").path();
    // Stored, not compressed: a changed byte leaves every line readable, and only the checksum is wrong.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(b"{\"idSale\": 1, \"v\": 1}\n{\"idSale\": 2, \"v\": 1}\n").unwrap();
    let mut bytes = encoder.finish().unwrap();
    write(&evo.lake(), &path, &bytes);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    let changed = bytes.windows(4).position(|text| text == b": 1}").unwrap() + 2;
    bytes[changed] = b'7';
    overwrite(&evo.lake().join(&path), &bytes);
    let found = mismatches(&sales(&evo, &["--deep"]));
    assert!(found.len() == 1 && found[0].0.starts_with("object-unreadable"), "{found:?}");
    evo.run(&["verify", "sales", "--deep", "--repair"]).exits(6);
    assert_eq!(evo.db.one("select count(*) from stg_evo.sales_raw where raw_data ->> 'v' = '1'"), "2");
}

#[test]
fn a_lake_without_any_object_of_the_entity_is_the_wrong_one() {
    let evo = loaded();
    std::fs::remove_dir_all(evo.lake().join("bronze")).unwrap();
    evo.run(&["verify", "sales"]).exits(4).says("of which some were loaded").says("--lake");
    std::fs::create_dir_all(evo.lake().join("bronze")).unwrap();
    evo.run(&["verify", "members"]).exits(0);
}

#[test]
fn rows_of_an_earlier_version_of_an_object_are_no_mismatch() {
    let evo = loaded();
    // The new version no longer has key 1, whose row stays.
    object("sales", RUN_1, "a").lines(&evo.lake(), &[r#"{"idSale": 2, "v": 1, "long": "xxxxxxxxxxxxxxxxxxxxxxxxx"}"#]);
    evo.run(&["load", "sales"]).exits(0);
    evo.run(&["transform", "sales"]).exits(0);
    let deep = sales(&evo, &["--deep"]);
    assert_eq!((mismatches(&deep).len(), deep["unprovable_rows"].as_u64()), (0, Some(1)), "{deep:#}");
}

#[test]
fn a_database_that_was_restored_elsewhere_is_right() {
    let evo = loaded();
    // What a dump does: other transactions write everything again.
    evo.db.sql(
        "create temp table rows as select * from stg_evo.sales_raw; delete from stg_evo.sales_raw;
         insert into stg_evo.sales_raw select * from rows; update evo.objects set seen_at = seen_at",
    );
    deep_is_clean(&evo);
    evo.db.sql("update stg_evo.sales_raw set raw_data = '{}' where sale_id = 3");
    assert!(mismatches(&sales(&evo, &["--deep"]))[0].0.starts_with("row-altered 3"));
}

#[test]
fn documents_that_core_has_not_transformed_yet_are_left_out() {
    let evo = loaded();
    object("sales", RUN_2, "c").lines(&evo.lake(), &[r#"{"idSale": 1, "v": 3}"#, r#"{"idSale": 9, "v": 3}"#]);
    evo.run(&["load", "sales"]).exits(0);
    let deep = deep_is_clean(&evo);
    assert!(deep.stdout.contains("right"), "{}", deep.stdout);
    assert_eq!(sales(&evo, &["--deep"])["core_documents"], 2);
    evo.run(&["transform", "sales"]).exits(0);
    assert_eq!(sales(&evo, &["--deep"])["core_documents"], 4);
}
