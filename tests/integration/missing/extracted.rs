//! Runs that evo extracts itself: which of them hold everything.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fixtures;
use crate::support::{Database, Evo, HttpReply, HttpServer, Run};

/// An API with visits, each with the day on which it was made.
struct Source {
    evo: Evo,
    visits: Arc<Mutex<Vec<(u64, &'static str)>>>,
}

const WINDOW: &str =
    "window = { from = \"from\", to = \"to\", format = \"%Y-%m-%d\", end = \"inclusive\", length = \"10 days\" }\n";

impl Source {
    fn new(more: &str) -> Self {
        let visits: Arc<Mutex<Vec<(u64, &'static str)>>> = Arc::default();
        let shown = Arc::clone(&visits);
        let api = HttpServer::start(move |asked| {
            let visits = shown.lock().unwrap();
            if visits.iter().any(|(_, day)| *day == "broken" && asked.get("from") > "2026-11-05") {
                return HttpReply::status(400);
            }
            let (from, to) = (asked.get("from"), asked.get("to"));
            let is_in = |day: &str| from.is_empty() || from <= day && day <= to;
            let found: Vec<Value> =
                visits.iter().filter(|(_, day)| is_in(day)).map(|(id, _)| json!({ "idVisit": id })).collect();
            HttpReply::json(&json!({ "all": found }))
        });
        let evo = Evo::with(Database::bare());
        let own = evo.dir.path().join("own");
        fixtures(&own, "mark");
        let path = own.join("models/visits/entity.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace("snapshot = \"run\"\n", "");
        let query = format!("\n[[extract]]\nsource = \"crm\"\npath = \"/visits\"\nrecords = \"/all\"\n{more}");
        std::fs::write(&path, text + &query).unwrap();
        let source = format!("[source.crm]\nurl = \"{}\"\nauth = \"none\"\nlimit = \"none\"\n", api.url());
        std::fs::write(evo.dir.path().join("evo.toml"), source).unwrap();
        let source = Self { evo, visits };
        source.run(&["migrate"]).exits(0);
        source
    }

    fn run(&self, args: &[&str]) -> Run {
        self.evo.run(&[args, &["--extend", "own"]].concat())
    }

    /// Extracts what the API has now; ids that core marks afterwards.
    #[track_caller]
    fn marks(&self, visits: &[(u64, &'static str)], days: &[&str], code: i32) -> String {
        *self.visits.lock().unwrap() = visits.to_vec();
        self.run(&[&["extract", "visits"], days].concat()).exits(code);
        self.run(&["load", "visits"]).exits(0);
        self.run(&["transform", "visits", "--max-shrink", "100%"]).exits(0);
        let sql = "select coalesce(string_agg(visit_id::text, ',' order by visit_id), '') from core.visits where _deleted_at is not null";
        self.evo.db.one(sql)
    }
}

#[test]
fn an_extraction_without_days_holds_everything() {
    let source = Source::new("");
    let (a, b, c) = ((1, "2026-11-01"), (2, "2026-11-10"), (3, "2026-11-20"));
    assert_eq!(source.marks(&[a, b, c], &["--from", "2026-11-01"], 0), "");
    assert_eq!(source.marks(&[a, c], &[], 0), "2");
    assert_eq!(source.marks(&[a, b], &["--last", "2d"], 0), "3", "the days are not sent");
}

#[test]
fn an_extraction_of_days_holds_everything_from_the_first_day_on_and_a_part_marks_nothing() {
    let source = Source::new(WINDOW);
    let (a, b, c) = ((1, "2026-11-01"), (2, "2026-11-10"), (3, "2026-11-20"));
    let whole = &["--from", "2026-11-01"][..];
    assert_eq!(source.marks(&[a, b, c], whole, 0), "");
    assert_eq!(source.marks(&[a, c], &["--last", "2d"], 0), "", "a few days");
    assert_eq!(source.marks(&[a, c], &[], 0), "", "since the last one");
    assert_eq!(source.marks(&[a, c], &["--from", "2026-11-01", "--to", "2026-11-12"], 0), "", "not up to today");
    assert_eq!(source.marks(&[a, c, (0, "broken")], whole, 4), "", "a window failed");
    assert_eq!(source.marks(&[a, c], whole, 0), "2");
    // Days before all others: now this is not everything any more.
    assert_eq!(source.marks(&[(9, "2026-10-01"), a, c], &["--from", "2026-10-01", "--to", "2026-10-02"], 0), "2");
    assert_eq!(source.marks(&[a], whole, 0), "2", "visit 9 is not in it, and visit 3 may be anywhere");
    assert_eq!(source.marks(&[(9, "2026-10-01"), a], &["--from", "2026-10-01"], 0), "2,3");
}
