//! What an operator mistypes or forgets, and what evo says.

use serde_json::json;

use super::declared::Declared;
use super::{ALL_DAYS, World, generated};
use crate::support::server::SmallDisk;
use crate::support::{HttpReply, HttpServer, Run, binary, is_root};

const OPEN: &str = "auth = \"none\"\nlimit = \"none\"";

#[test]
fn days_that_make_no_sense_are_refused_before_anything_is_asked() {
    let world = World::new();
    world.run(&[&["extract", "sales"][..], &ALL_DAYS, &["--budget", "3"]].concat()).exits(0);
    let before = world.api.requests();
    for (days, says) in [
        (&["--from", "2025-02-02", "--to", "2025-02-01"][..], "--to 2025-02-01 is before --from 2025-02-02"),
        (&["--from", "2190-01-01"], "--from 2190-01-01 is in the future"),
        (&["--from", "0202-01-01"], "a day of the years 1990 to 2200"),
        (&["--from", "2025-02-30"], "a day such as"),
        (&["--last", "0d"], "a number of days from 1d"),
        (&["--last", "7"], "a number of days from 1d"),
        (&["--to", "2025-02-01"], "--from is missing"),
        (&["--year", "2025", "--from", "2025-01-01"], "cannot be used together"),
        (&["--budget", "0"], "a whole number from 1"),
        (&["--rate", "40"], "40/min"),
    ] {
        world.run(&[&["extract", "sales"][..], days].concat()).exits(2).says(says);
    }
    assert_eq!(world.api.requests(), before, "nor does the extraction that is open go on");
    let trial = world.run(&["extract", "--try", "sales", "--from", "2190-01-01"]);
    trial.exits(2).says("is in the future");
}

#[test]
fn a_source_that_is_not_declared_names_the_one_that_was_meant() {
    let things = Declared::new(HttpServer::start(|_| HttpReply::status(500)), OPEN, "");
    let settings = std::fs::read_to_string(things.evo.dir.path().join("evo.toml")).unwrap();
    let declare = |name: &str| {
        let text = settings.replace("[source.x]", &format!("[source.{name}]"));
        std::fs::write(things.evo.dir.path().join("evo.toml"), text).unwrap();
        things.extract().exits(3).says("comes from the source \"x\", which is not declared")
    };
    declare("y").says("did you mean \"y\"?");
    declare("something").says("declare [source.x] in evo.toml");
}

#[test]
fn a_trial_with_a_wrong_pointer_shows_where_the_records_are() {
    let api = HttpServer::start(|_| HttpReply::json(&json!({ "paging": { "total": 1 }, "data": [{ "id": 1 }] })));
    let things = Declared::new(api, OPEN, "records = \"/rows\"");
    let run = things.run(&["extract", "--try", "things"]).exits(4);
    let run = run.says("holds nothing at \"/rows\", where the records should be").says("declare records = \"/data\"");
    assert!(run.stderr.contains("status 200"), "{}", run.stderr);
    assert!(!run.stderr.contains("gave up"), "one attempt was asked for: {}", run.stderr);
    assert_eq!(things.evo.db.one("select count(*) from evo.runs where command = 'extract'"), "0");
}

#[test]
fn a_trial_shows_what_signs_the_request_what_asks_for_the_next_page_and_whether_changes_have_a_time() {
    let extract = "page = { cursor = \"/next\", as = \"after\", limit = \"limit\", size = 2 }\nrecords = \"/data\"\n\
                   since = { param = \"since\", field = \"/changed\", format = \"%Y-%m-%d\" }";
    let api = HttpServer::start(|_| {
        let data = json!([{ "id": 1, "changed": "2026-01-02" }, { "id": 2, "changed": "soon" }]);
        HttpReply::json(&json!({ "data": data, "next": "cursor-of-somebody" })).with("X-RateLimit-Remaining", "7")
    });
    let things = Declared::new(api, "auth = { bearer = \"X_SECRET\" }\nlimit = \"none\"", extract);
    let mut command = things.evo.command(&["extract", "--try", "things", "--extend", "own", "--from", "2026-01-01"]);
    let run = Run::from(command.env("X_SECRET", "hunter2").output().unwrap()).exits(0);
    for shown in [
        "sent      with the token in X_SECRET",
        "another page may follow: limit=2&after=…",
        "1 of 2 records say when they changed",
        "x-ratelimit-remaining: 7",
    ] {
        assert!(run.stdout.contains(shown), "{shown}\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("hunter2") && !run.stdout.contains("cursor-of-somebody"), "{}", run.stdout);
    let mut command = things.evo.command(&["extract", "things", "--extend", "own"]);
    let never = Run::from(command.env("X_SECRET", "hunter2").output().unwrap()).exits(2);
    assert_eq!(never.stdout, "", "no table without rows");
}

#[test]
fn a_redirect_is_not_followed_and_named_without_its_parameters() {
    let other = HttpServer::start(|_| HttpReply::json(&json!([])));
    let to = format!("{}/login?token=hunter2", other.url());
    let api = HttpServer::start(move |_| HttpReply::status(302).with("Location", to.clone()));
    let things = Declared::new(api, "auth = { bearer = \"X_SECRET\" }\nlimit = \"none\"", "");
    let run = things.extract().exits(4).says("points elsewhere: status 302");
    let run = run.says(&format!("it points to {}/login\n", other.url()));
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert!(other.seen("/login").is_empty());
}

#[test]
fn a_lake_without_room_stops_the_extraction_and_it_goes_on_when_there_is_some() {
    if !is_root() {
        return;
    }
    let (world, disk) = (World::new(), SmallDisk::mount("64k"));
    let extract = || {
        let mut command = binary(world.evo.dir.path());
        command.args(["extract", "sales"]).args(ALL_DAYS).args(["--database-url", &world.evo.db.url]);
        command.args(["--lake", disk.path().to_str().unwrap()]);
        Run::from(command.env("EVO_USERNAME", "gym").env("EVO_PASSWORD", "secret").output().unwrap())
    };
    let run = extract().exits(4).says("cannot be written: No space left on device");
    run.says("free space in the lake");
    assert_eq!(world.evo.db.one("select state from evo.extractions"), "open");
    let left: Vec<_> = super::files(disk.path());
    assert!(left.iter().all(|path| path.to_str().unwrap().ends_with(".jsonl.gz")), "whole objects only: {left:?}");
    let more = ["-o", "remount,size=64m", disk.path().to_str().unwrap()];
    assert!(std::process::Command::new("mount").args(more).status().unwrap().success());
    extract().exits(0);
    let mut lines: Vec<String> = super::objects(disk.path()).into_values().flat_map(|t| super::lines_of(&t)).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines, generated("sales"));
}
