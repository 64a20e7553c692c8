//! A fifth entity: a folder and a migration, no Rust.

use std::path::Path;

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
    evo.run(&["status"])
        .exits(3)
        .says("your own that was not found: migrations/0001_visits.up.sql")
        .says("--extend DIR");
}

/// Copies a folder with everything below it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_staging_table_without_a_column_that_evo_needs_is_named_before_anything_is_done() {
    let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
    std::fs::create_dir(evo.lake()).unwrap();
    let own = evo.dir.path().join("own");
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own);
    let migration = own.join("migrations/0001_visits.up.sql");
    let good = std::fs::read_to_string(&migration).unwrap();
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    std::fs::write(
        &migration,
        good.replace("    _source_file   text,\n", "").replace("    run_id         text,\n", ""),
    )
    .unwrap();
    run(&["migrate"]).exits(3).says("stg_evo.visits_raw has no column _source_file, run_id").says("hint:");
    std::fs::write(&migration, good.replace("create table", "create tabel")).unwrap();
    let typo = run(&["migrate"]).exits(3).says("migration 10001_visits: syntax error at or near \"tabel\"");
    typo.says("correct migrations/0001_visits.up.sql in the folder given by --extend");
    // Nothing was applied, so the migration may still be corrected.
    std::fs::write(&migration, &good).unwrap();
    run(&["migrate"]).exits(0);
    object("visits", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idVisit": 1}"#]);
    object("prospects", "20260110T020501Z", "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    run(&["load", "visits", "prospects"]).exits(0);
    evo.db.sql("alter table stg_evo.visits_raw drop column _source_line");
    run(&["migrate"]).exits(3).says("stg_evo.visits_raw has no column _source_line");
    run(&["transform", "visits", "prospects"]).exits(3).says("stg_evo.visits_raw has no column _source_line");
    assert_eq!(evo.db.one("select count(*) from core.evo_prospects"), "1", "the others go on");
    evo.db.sql("drop table stg_evo.visits_raw");
    run(&["transform", "visits"]).exits(3).says("the staging table stg_evo.visits_raw does not exist");
}

const MODEL: &str = "models/visits/visits.sql";
const CHILD: &str = "models/visits/visit_guests.sql";
const DECLARATION: &str = "models/visits/entity.toml";
const MIGRATION: &str = "migrations/0001_visits.up.sql";

/// What may be wrong in a model or a declaration: the file, a text, what stands in its place, and what evo says.
const MISTAKES: [(&str, &str, &str, &str); 15] = [
    (
        MODEL,
        " as at\n",
        " as at,\n    d.at as att\n",
        "visits.sql:8: core.visits has no column att, which the model gives",
    ),
    (CHILD, "    d.name\n", "    d.name as nome\n", "visit_guests.sql:8: core.visit_guests has no column nome"),
    (MODEL, "s.visit_id,", "s.visit_id,\n    s.no as no,", "visits.sql:7: core.visits: column s.no does not exist"),
    (MODEL, "as_timestamptz", "as_timestamp", "visits.sql:7: there is no cast evo.as_timestamp"),
    (MODEL, "evo.as_timestamptz(d.at, {zone})", "pg_catalog.when_of(d.at)", "visits.sql:7: core.visits: function"),
    (MODEL, "evo.as_timestamptz(d.at, {zone})", "cast(s.run_id as moment)", "visits.sql:7: core.visits: type"),
    (
        MODEL,
        "evo.as_timestamptz(d.at, {zone})",
        "reports.when_of(d.at)",
        "visits.sql:7: core.visits: schema \"reports\"",
    ),
    (DECLARATION, "Sao_Paulo", "Sao_Paolo", "entity.toml:3: the server does not know the time zone"),
    (MODEL, "{zone}", "'America/Sao_Paolo'", "visits.sql:7: the server does not know the time zone"),
    (
        MODEL,
        "as_timestamptz(d.at, {zone})",
        "as_local(d.at) at time zone 'Mars'",
        "visits.sql:7: the server does not know",
    ),
    (DECLARATION, "models =", "dates = [\"%d/%m/%y\"]\nmodels =", "entity.toml:4: the date format"),
    (
        CHILD,
        "-- key: visit_id, guest_id",
        "-- key: visit_id",
        "visit_guests.sql:4: core.visit_guests has no unique index",
    ),
    (CHILD, "-- key: visit_id, guest_id", "-- key: visit_id, guest", "the select gives no column \"guest\""),
    (
        DECLARATION,
        "[key]",
        "[key]\ntype = \"text\"",
        "entity.toml:6: the column visit_id of stg_evo.visits_raw is of type bigint",
    ),
    (DECLARATION, "[key]", "[contract]\nnew_field = \"stop\"\n[key]", "entity.toml:11: new_field in contract"),
];

/// What may be wrong in the tables: a text of the migration, what stands in its place, the statement that does
/// the same afterwards, and what evo says.
const WRONG_TABLES: [(&str, &str, &str, &str); 6] = [
    (
        "visit_id bigint primary key, at",
        "visit_id bigint, at",
        "alter table core.visits drop constraint visits_pkey",
        "visits.sql:4: core.visits has no unique index on its key",
    ),
    (
        "create table core.visits_all partition of core.visits for values from (minvalue) to (maxvalue);\n",
        "",
        "drop table core.visits_all",
        "visits.sql:3: core.visits is partitioned and has no partition",
    ),
    (
        "create table core.visit_guests_all partition of core.visit_guests for values from (minvalue) to (maxvalue);\n",
        "",
        "drop table core.visit_guests_all",
        "visit_guests.sql:3: core.visit_guests is partitioned and has no partition",
    ),
    (
        "_batch_id      bigint\n);",
        "_batch_id      bigint\n) partition by range (visit_id);",
        "create table stg_evo.parted (like stg_evo.visits_raw including all) partition by range (visit_id);
         drop table stg_evo.visits_raw; alter table stg_evo.parted rename to visits_raw",
        "entity.toml:6: stg_evo.visits_raw is partitioned and has no partition",
    ),
    (
        "bigint      primary key",
        "bigint      not null",
        "alter table stg_evo.visits_raw drop constraint visits_raw_pkey",
        "entity.toml:6: the staging table stg_evo.visits_raw has no unique index on its key",
    ),
    (
        "",
        "",
        "alter table core.visit_guests rename column visit_id to visit",
        "visit_guests.sql:4: core.visit_guests has no column visit_id",
    ),
];

/// Runs `check` with a text of a file replaced.
fn with_mistake(own: &Path, (file, from, to): (&str, &str, &str), check: impl FnOnce()) {
    let path = own.join(file);
    let good = std::fs::read_to_string(&path).unwrap();
    assert!(good.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
    check();
    std::fs::write(&path, good).unwrap();
}

#[test]
fn what_is_wrong_with_an_entity_of_ones_own_is_found_before_anything_is_loaded() {
    let evo = Evo { dir: tempfile::tempdir().unwrap(), db: Database::bare() };
    let own = evo.dir.path().join("own");
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own);
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    for (file, from, to, says) in MISTAKES {
        with_mistake(&own, (file, from, to), || drop(run(&["migrate"]).exits(3).says(says)));
    }
    for (from, to, _, says) in WRONG_TABLES.iter().filter(|(from, ..)| !from.is_empty()) {
        with_mistake(&own, (MIGRATION, from, to), || drop(run(&["migrate"]).exits(3).says(says)));
    }
    assert_eq!(evo.db.one("select to_regclass('core.visits') is null"), "t", "nothing was applied");
    run(&["migrate"]).exits(0);
    // Also where nobody has written a test.
    for (file, from, to, says) in MISTAKES {
        with_mistake(&own, (file, from, to), || drop(run(&["test", "visits"]).exits(3).says(says)));
    }
    run(&["test", "visits"]).exits(0);
    for (_, _, statement, says) in WRONG_TABLES {
        let evo = Evo::with(Database::bare());
        let run = |args: &[&str]| evo.run(&[args, &["--extend", own.to_str().unwrap()]].concat());
        run(&["migrate"]).exits(0);
        evo.db.sql(statement);
        run(&["test", "visits"]).exits(3).says(says);
        run(&["migrate"]).exits(3).says(says);
    }
}
