//! The declaration, the columns that it needs, and a draft that has them.

use std::path::Path;

use super::{Follower, follow, visits};
use crate::support::{Database, Evo, object, write};

#[test]
fn a_declaration_that_could_never_mark_anything_is_refused() {
    let evo = Evo::with(Database::bare());
    let own = evo.dir.path().join("own");
    crate::toy::copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own);
    let path = own.join("models/visits/entity.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let query = |name: &str, more: &str| {
        format!(
            "\n[[extract]]\n{name}source = \"crm\"\npath = \"/visits\"\npage = {{ number = \"p\", limit = \"n\", size = 10 }}\n{more}"
        )
    };
    let window = "window = { from = \"a\", to = \"b\", format = \"%Y-%m-%d\", length = \"1 month\" }\n";
    let cases = [
        ("missing = \"hide\"\n", String::new(), Some("missing in the declaration must be keep, mark, delete")),
        ("missing = \"mark\"\nsnapshot = \"day\"\n", String::new(), Some("snapshot in the declaration must be run")),
        ("missing = \"mark\"\n", String::new(), Some("no run is known to hold everything")),
        ("snapshot = \"run\"\n", String::new(), Some("snapshot says nothing without missing")),
        (
            "missing = \"mark\"\n",
            query("", window) + &query("name = \"changed\"\n", window),
            Some("no run is known to hold everything"),
        ),
        ("missing = \"mark\"\n", query("", window), None),
        ("missing = \"delete\"\n", query("", "") + &query("name = \"changed\"\n", window), None),
    ];
    for (keys, queries, wrong) in cases {
        std::fs::write(&path, format!("{keys}{good}{queries}")).unwrap();
        let source = "[source.crm]\nurl = \"https://crm.example\"\nauth = \"none\"\nlimit = \"none\"\n";
        std::fs::write(evo.dir.path().join("evo.toml"), source).unwrap();
        let checked = evo.run(&["config", "check", "--extend", "own"]);
        match wrong {
            Some(says) => drop(checked.exits(3).says(says)),
            None => assert!(
                !checked.stdout.contains("missing") && !checked.stderr.contains("missing"),
                "{}",
                checked.stdout
            ),
        }
    }
    let model = own.join("models/visits/visits.sql");
    let text = std::fs::read_to_string(&model).unwrap();
    std::fs::write(&path, format!("missing = \"mark\"\nsnapshot = \"run\"\n{good}")).unwrap();
    std::fs::write(&model, text.replace("as at\n", "as at,\n    null::timestamptz as _deleted_at\n")).unwrap();
    evo.run(&["migrate", "--extend", "own"]).exits(3).says("the model has a column _deleted_at, which evo fills");
}

#[test]
fn a_table_without_the_column_is_named_before_anything_is_done() {
    let evo = Evo::with(Database::bare());
    let own = evo.dir.path().join("own");
    crate::toy::copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy")), &own);
    let path = own.join("models/visits/entity.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("missing = \"mark\"\nsnapshot = \"run\"\n{good}")).unwrap();
    let migrate = || evo.run(&["migrate", "--extend", "own"]);
    let add = |n: u8, sql: &str| std::fs::write(own.join(format!("migrations/000{n}_marks.up.sql")), sql).unwrap();
    migrate()
        .exits(3)
        .says("the staging table stg_evo.visits_raw has no column _deleted_at")
        .says("alter table \"stg_evo\".\"visits_raw\" add column _deleted_at timestamptz");
    add(2, "alter table stg_evo.visits_raw add column _deleted_at timestamptz;");
    migrate().exits(3).says("the core table core.visits has no column _deleted_at");
    add(3, "alter table core.visits add column _deleted_at timestamptz;");
    migrate().exits(3).says("alter table \"core\".\"visit_guests\" add column _deleted_at timestamptz");
    add(4, "alter table core.visit_guests add column _deleted_at date;");
    migrate().exits(3).says("the column _deleted_at of core.visit_guests is of type date");
    add(4, "alter table core.visit_guests add column _deleted_at timestamptz;");
    migrate().exits(0);
    // What is deleted needs no mark in core.
    std::fs::write(&path, format!("missing = \"delete\"\nsnapshot = \"run\"\n{good}")).unwrap();
    evo.db
        .sql("alter table core.visit_guests drop column _deleted_at; alter table core.visits drop column _deleted_at");
    migrate().exits(0);
}

#[test]
fn an_unknown_csv_goes_to_core_and_what_a_later_file_lacks_is_marked_without_editing() {
    let evo = Evo::with(Database::bare());
    let csv = |rows: &[&str]| format!("code;name;tags\n{}\n", rows.join("\n"));
    let rows = [
        "A-1;Ana;\"[\"\"x\"\",\"\"y\"\"]\"",
        "A-2;Rui;\"[\"\"x\"\"]\"",
        "A-3;Eva;",
        "A-4;Ivo;",
        "A-5;Zoé;",
        "A-6;Bia;",
    ];
    write(evo.dir.path(), "learners.csv", csv(&rows).as_bytes());
    let run = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    let mut new = crate::support::binary(evo.dir.path());
    new.args(["new", "learners", "--from", "learners.csv", "--missing", "mark", "--no-trial"]);
    assert!(new.output().unwrap().status.success());
    run(&["migrate"]).exits(0);
    let next = |id: &str, text: String| {
        write(&evo.lake(), &object("learners", id, "a").path().replace(".jsonl.gz", ".csv"), text.as_bytes());
        run(&["load", "learners"]).exits(0);
        run(&["transform", "learners"]).exits(0)
    };
    next("1", csv(&rows));
    let shown = "select string_agg(name, ',' order by learner_code) from core.learners where _deleted_at is null";
    assert_eq!(evo.db.one(shown), "Ana,Rui,Eva,Ivo,Zoé,Bia");
    // A changed second file.
    next("2", csv(&rows).replace("Rui", "Ruy"));
    assert_eq!(evo.db.one(shown), "Ana,Ruy,Eva,Ivo,Zoé,Bia");
    // A third one with a row less.
    next("3", csv(&rows[1..])).says("learners: 1 document is not in run 3 any more and marked");
    assert_eq!(evo.db.one(shown), "Rui,Eva,Ivo,Zoé,Bia");
    assert_eq!(
        evo.db.sql("select learner_code, tag, _deleted_at is null from core.learner_tags order by 1, 2"),
        [["A-1", "x", "f"], ["A-1", "y", "f"], ["A-2", "x", "t"]]
    );
    let marked = evo.db.sql("select * from core.learners order by learner_code");
    run(&["transform", "learners", "--full-refresh"]).exits(0);
    assert_eq!(evo.db.sql("select * from core.learners order by learner_code"), marked);
    run(&["verify", "learners", "--deep"]).exits(0);
    run(&["check", "learners"]).exits(0);
}

#[test]
fn rows_are_kept_where_nothing_else_is_declared() {
    let follower = Follower::new("visits", "mark");
    follow(&follower.evo.dir.path().join("own"), "keep");
    follower.bring("2026-01-10", "1", &visits(1..=3)).exits(0);
    follower.bring("2026-01-11", "2", &visits([1])).exits(0);
    assert_eq!(follower.visits(), "1,2,3");
    assert_eq!(follower.evo.db.one("select count(*) from evo.followed_batches"), "0");
}
