//! A fifth entity: a folder and a migration, no Rust.

use crate::support::{Database, Evo, counts, object};

#[test]
fn an_entity_of_ones_own_is_a_folder_and_a_migration() {
    let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
    std::fs::create_dir(evo.lake()).unwrap();
    let toy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");
    evo.run(&["migrate", "--extend", toy]).exits(0);
    object("visits", "20260110T020501Z", "part-00001").lines(
        &evo.lake(),
        &[
            r#"{"idVisit": 1, "at": "2024-03-18T06:12:45", "guests": [{"idGuest": 5, "name": "Ana"}]}"#,
            r#"{"idVisit": 2}"#,
        ],
    );
    assert_eq!(counts(&evo.entity(&["load", "visits", "--extend", toy])), "2/0/0/0/0 of 2");
    for mode in
        [&["transform", "visits", "--extend", toy][..], &["transform", "visits", "--full-refresh", "--extend", toy]]
    {
        evo.json(mode);
        assert_eq!(
            evo.db.sql("select visit_id, at at time zone 'UTC' from core.visits order by 1"),
            [["1", "2024-03-18 09:12:45"], ["2", "∅"]]
        );
        assert_eq!(evo.db.sql("select visit_id, guest_id, name from core.visit_guests"), [["1", "5", "Ana"]]);
    }
    evo.run(&["status", "visits", "--extend", toy]).exits(0).says("visits");
    evo.run(&["status"]).exits(3).says("newer than this evo");
}
