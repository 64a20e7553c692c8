//! Rows that the source no longer has: kept, marked or deleted, and back when they reappear.

mod declared;
mod extracted;
mod histories;
mod runs;

use std::path::Path;

use crate::support::{Database, Evo, Object, Run, object, write};
use crate::toy::copy;

/// An entity of the fixtures that follows its source.
struct Follower {
    evo: Evo,
    entity: &'static str,
}

/// Staging and core tables of the fixtures, which get the column.
const TABLES: [&str; 10] = [
    "stg_evo.visits_raw",
    "core.visits",
    "core.visit_guests",
    "stg_evo.items_raw",
    "core.items",
    "core.item_tags",
    "core.item_parts",
    "stg_evo.seats_raw",
    "core.seats",
    "stg_evo.tickets_raw",
];

/// A folder with the entities of the fixtures, whose rows follow their source.
fn fixtures(to: &Path, rule: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    copy(&root.join("keys"), to);
    copy(&root.join("toy/models"), &to.join("models"));
    std::fs::copy(root.join("toy/migrations/0001_visits.up.sql"), to.join("migrations/0002_visits.up.sql")).unwrap();
    let add = |table: &str| format!("alter table {table} add column _deleted_at timestamptz;\n");
    let mut marks: String = TABLES.into_iter().map(add).collect();
    marks += &add("core.tickets");
    std::fs::write(to.join("migrations/0003_marks.up.sql"), marks).unwrap();
    follow(to, rule);
}

/// Declares what becomes of missing rows.
fn follow(folder: &Path, rule: &str) {
    for entity in ["visits", "items", "seats", "tickets"] {
        let path = folder.join(format!("models/{entity}/entity.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        let bare: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("missing") && !line.starts_with("snapshot")).collect();
        let declared = match rule {
            "keep" => String::new(),
            rule => format!("missing = {rule:?}\nsnapshot = \"run\"\n"),
        };
        std::fs::write(&path, format!("{declared}{}\n", bare.join("\n"))).unwrap();
    }
}

impl Follower {
    fn new(entity: &'static str, rule: &str) -> Self {
        let evo = Evo::with(Database::bare());
        fixtures(&evo.dir.path().join("own"), rule);
        evo.run(&["migrate", "--extend", "own"]).exits(0);
        Self { evo, entity }
    }

    fn run(&self, args: &[&str]) -> Run {
        self.evo.run(&[args, &["--extend", "own"]].concat())
    }

    fn declare(&self, rule: &str) {
        follow(&self.evo.dir.path().join("own"), rule);
    }

    /// Puts a run with one object into the lake.
    fn put(&self, date: &str, run: &str, lines: &[String]) {
        let path = Object { date, ..object(self.entity, run, "a") }.path().replace(".gz", "");
        write(&self.evo.lake(), &path, lines.join("\n").as_bytes());
    }

    fn load(&self) -> Run {
        self.run(&["load", self.entity])
    }

    /// A run is loaded and core brought up to date.
    fn bring(&self, date: &str, run: &str, lines: &[String]) -> Run {
        self.put(date, run, lines);
        self.load().exits(0);
        self.transform(&[])
    }

    fn transform(&self, args: &[&str]) -> Run {
        self.run(&[&["transform", self.entity, "--max-shrink", "100%"], args].concat())
    }

    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.evo.db.sql(sql)
    }

    /// Ids of visits that are shown without a mark.
    fn visits(&self) -> String {
        self.evo.db.one("select coalesce(string_agg(visit_id::text, ',' order by visit_id), '') from core.visits where _deleted_at is null")
    }

    /// Ids of visits with a mark, each with its day.
    fn marked(&self) -> String {
        self.evo.db.one(
            "select coalesce(string_agg(concat(visit_id, ' ', (_deleted_at at time zone 'America/Sao_Paulo')::date), ', ' order by visit_id), '')
             from core.visits where _deleted_at is not null",
        )
    }
}

/// A visit with two guests.
fn visit(id: u64, at: u64) -> String {
    format!(
        r#"{{"idVisit": {id}, "at": "2026-01-0{at}T10:00:00", "guests": [{{"idGuest": 1, "name": "A"}}, {{"idGuest": {id}0}}]}}"#
    )
}

fn visits(ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    ids.into_iter().map(|id| visit(id, 1)).collect()
}
