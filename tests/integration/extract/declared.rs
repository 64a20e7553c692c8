//! Sources of every form that can be declared: how they sign in, page, mark and limit.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::objects;
use crate::support::{Asked, Evo, HttpReply, HttpServer, Run};

/// Things that an API of the tests holds, and evo with the declaration of them.
pub(super) struct Declared {
    pub(super) evo: Evo,
    pub(super) api: HttpServer,
}

impl Declared {
    /// `source` is what `[source.x]` says besides its address, `extract` what `[[extract]]` says besides
    /// source and path; `{url}` in them is the address of the API.
    pub(super) fn new(api: HttpServer, source: &str, extract: &str) -> Self {
        let evo = Evo::new();
        let filled = |text: &str| text.replace("{url}", &api.url());
        let settings = format!("[source.x]\nurl = \"{{url}}/api\"\n{source}\n");
        std::fs::write(evo.dir.path().join("evo.toml"), filled(&settings)).unwrap();
        let folder = evo.dir.path().join("own/models/things");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(evo.dir.path().join("own/migrations")).unwrap();
        let entity = format!(
            "name = \"things\"\nbronze_prefix = \"bronze/x/things\"\nzone = \"America/Sao_Paulo\"\n\
             models = [\"things\"]\n[staging]\ntable = \"stg_evo.things_raw\"\nkey_column = \"thing_id\"\n\
             [key]\nfield = \"id\"\n[[extract]]\nsource = \"x\"\npath = \"/things\"\n{extract}\n"
        );
        std::fs::write(folder.join("entity.toml"), filled(&entity)).unwrap();
        let model = "-- grain: one row a thing\n-- source: things\n-- parent key: thing_id\n-- key: thing_id\n\
                     select s.thing_id, d.name::text as name from {source} s\n\
                     cross join lateral jsonb_to_record(s.raw_data) as d (name text);\n";
        std::fs::write(folder.join("things.sql"), model).unwrap();
        let migration = "create table stg_evo.things_raw (like stg_evo.prospects_raw including all);\n\
                         alter table stg_evo.things_raw rename column prospect_id to thing_id;\n\
                         create table core.things (thing_id bigint not null, name text, primary key (thing_id))\n\
                         partition by range (thing_id);\ncreate table core.things_all partition of core.things default;\n";
        std::fs::write(evo.dir.path().join("own/migrations/0001_things.up.sql"), migration).unwrap();
        let declared = Self { evo, api };
        declared.run(&["migrate"]).exits(0);
        declared
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.evo.command(&[args, &["--extend", "own", "--output", "json"]].concat());
        command.env("X_ID", "the-client").env("X_SECRET", "hunter2").env("X_KEY", "swordfish");
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    pub(super) fn extract(&self) -> Run {
        self.run(&DAY)
    }

    /// Ids of the records in the lake, sorted.
    pub(super) fn ids(&self) -> Vec<u64> {
        let texts = objects(&self.evo.lake().join("bronze/x/things"));
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
        let mut ids: Vec<u64> = texts.values().flat_map(|text| text.lines().map(id).collect::<Vec<_>>()).collect();
        ids.sort();
        ids
    }
}

/// Extracts the things of a day.
pub(super) const DAY: [&str; 6] = ["extract", "things", "--from", "2026-01-01", "--to", "2026-01-01"];

/// Five things, two a page, by page number from 1.
fn by_number(asked: &Asked, total: Option<u64>) -> HttpReply {
    let page: u64 = asked.get("page").parse().unwrap();
    let ids: Vec<u64> = (1_u64..=5).filter(|id| id.div_ceil(2) == page).collect();
    let records: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "name": "a" })).collect();
    HttpReply::json(&json!({ "data": records, "total": total }))
}

const NUMBERED: &str = "records = \"/data\"\npage = { number = \"page\", limit = \"size\", size = 2 }";

#[test]
fn pages_by_number_are_read_to_the_empty_one_with_a_key_in_a_header() {
    let api = HttpServer::start(|asked| match asked.header("x-key") {
        "swordfish" => by_number(asked, None),
        _ => HttpReply::status(403),
    });
    let things = Declared::new(api, "auth = { header = \"X-Key\", value = \"X_KEY\" }\nlimit = \"none\"", NUMBERED);
    things.extract().exits(0);
    assert_eq!(things.ids(), [1, 2, 3, 4, 5]);
    let asked = things.api.seen("/api/things");
    assert_eq!(asked.iter().map(|a| a.get("page")).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert!(asked.iter().all(|asked| asked.get("size") == "2"));
    things.run(&["load", "things"]).exits(0);
    things.run(&["transform", "things"]).exits(0);
    assert_eq!(things.evo.db.one("select count(*) from core.things where name = 'a'"), "5");
}

#[test]
fn a_total_that_changes_between_pages_by_number_is_a_set_that_moved() {
    // The third page of the first reading counts one less: something was removed in front of it.
    let api = HttpServer::start(|asked| by_number(asked, Some(if asked.number == 3 { 4 } else { 5 })));
    let extract = NUMBERED.replace("size = 2", "size = 2, total = \"/total\"");
    let things = Declared::new(api, "auth = \"none\"\nlimit = \"none\"", &extract);
    things.extract().exits(0).says("records came or went");
    assert_eq!(things.ids(), [1, 2, 3, 4, 5]);
    assert_eq!(things.api.seen("/api/things").len(), 3 + 4);
    let counted = "select requests_count || ' ' || drifts_count from evo.windows";
    assert_eq!(things.evo.db.one(counted), "7 1", "every request is counted");
}

#[test]
fn a_total_that_is_not_what_arrives_or_not_there_fails_the_window() {
    for (total, says) in [(Some(6), "move while their pages are read"), (None, "does not give the total")] {
        let api = HttpServer::start(move |asked| by_number(asked, total));
        let extract = NUMBERED.replace("size = 2", "size = 2, total = \"/total\"");
        let things = Declared::new(api, "auth = \"none\"\nlimit = \"none\"", &extract);
        things.extract().exits(4).says(says);
        assert!(things.ids().is_empty(), "a day that cannot be trusted leaves no objects");
        assert_eq!(things.evo.db.one("select state from evo.windows"), "failed");
    }
}

const OAUTH2: &str = "auth = { oauth2 = \"{url}/token\", client = \"X_ID\", secret = \"X_SECRET\", scope = \"read it\" }\n\
                      limit = \"none\"";

/// A token service whose tokens hold for `seconds`, and things that know the latest token; the request with
/// this number is refused.
fn with_tokens(seconds: u64, refused: usize) -> HttpServer {
    let (granted, asked_for) = (AtomicUsize::new(0), AtomicUsize::new(0));
    HttpServer::start(move |asked| {
        if asked.path == "/token" {
            let form = "grant_type=client_credentials&client_id=the-client&client_secret=hunter2&scope=read+it";
            if asked.body != form {
                return HttpReply::status(400);
            }
            let number = granted.fetch_add(1, Ordering::SeqCst) + 1;
            return HttpReply::json(&json!({ "access_token": format!("token-{number}"), "expires_in": seconds }));
        }
        let number = asked_for.fetch_add(1, Ordering::SeqCst) + 1;
        let expected = format!("Bearer token-{}", granted.load(Ordering::SeqCst));
        match asked.header("authorization") == expected && number != refused {
            true => by_number(asked, None),
            false => HttpReply::status(401),
        }
    })
}

#[test]
fn one_token_serves_all_requests_until_it_ends_or_is_refused() {
    for (seconds, refused, tokens) in [(3_600, 0, 1), (0, 0, 4), (3_600, 2, 2)] {
        let things = Declared::new(with_tokens(seconds, refused), OAUTH2, NUMBERED);
        things.extract().exits(0);
        assert_eq!(things.ids(), [1, 2, 3, 4, 5]);
        assert_eq!(things.api.seen("/token").len(), tokens, "{seconds} s, request {refused} refused");
    }
}

#[test]
fn a_token_service_that_gives_none_is_named_without_the_secret() {
    let api = HttpServer::start(|asked| match asked.path.as_str() {
        "/token" => HttpReply::status(401),
        _ => by_number(asked, None),
    });
    let things = Declared::new(api, OAUTH2, NUMBERED);
    let run = things.extract().exits(4).says("the token service 127.0.0.1 refuses the credentials: status 401");
    assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"), "{}", run.stderr);
    let things =
        Declared::new(HttpServer::start(|asked| by_number(asked, None)), &OAUTH2.replace("token\"", "api\""), "");
    things.extract().exits(4);
}

#[test]
fn next_links_are_followed_within_the_origin_and_not_in_circles() {
    let linked = |page: &'static str, last: &'static str| {
        move |asked: &Asked| {
            let number = asked.get("page").parse::<u64>().unwrap_or(1);
            let reply = HttpReply::json(&json!([{ "id": number }]));
            match number {
                1 => reply.with("Link", format!("</api/things?page=0>; rel=\"prev\", <{page}>; rel=\"next\"")),
                2 => reply.with("Link", last),
                _ => reply,
            }
        }
    };
    let declared = |page, last| {
        let api = HttpServer::start(linked(page, last));
        Declared::new(api, "auth = { bearer = \"X_SECRET\" }\nlimit = \"none\"", "page = { next = \"header:Link\" }")
    };
    let things = declared("/api/things?page=2", "<?page=3>; rel=next");
    things.extract().exits(0);
    assert_eq!(things.ids(), [1, 2, 3]);
    let circle = declared("/api/things?page=2", "</api/things?page=2>; rel=next");
    circle.extract().exits(4).says("gave the same next page twice");
    // Another server, which must never see the token.
    let other = HttpServer::start(|_| HttpReply::json(&json!([])));
    let away: &'static str = Box::leak(format!("{}/api/things?page=2", other.url()).into_boxed_str());
    declared(away, "").extract().exits(4).says("gave an address of another origin");
    assert!(other.seen("/api/things").is_empty());
}

#[test]
fn everything_since_is_asked_from_where_the_source_was_and_its_records_reached() {
    // The source's clock is behind the database's by far, and its newest record by more.
    let api = HttpServer::start(|asked| {
        let changed = if asked.number == 1 { "2026-01-05T23:30:00-03:00" } else { "2026-01-08T12:00:00-03:00" };
        HttpReply::json(&json!([{ "id": 1, "changed": changed }, { "id": 2, "changed": "2025-12-31T00:00:00Z" }]))
            .with("Date", "Sat, 10 Jan 2026 12:00:00 GMT")
    });
    let extract = "since = { param = \"since\", field = \"/changed\", format = \"%Y-%m-%d\" }";
    let things = Declared::new(api, "auth = \"none\"\nlimit = \"none\"", extract);
    things.run(&["extract", "things", "--from", "2026-01-01"]).exits(0);
    things.run(&["extract", "things"]).exits(0);
    things.run(&["extract", "things"]).exits(0);
    let since: Vec<String> = things.api.seen("/api/things").iter().map(|a| a.get("since").to_owned()).collect();
    assert_eq!(since, ["2026-01-01", "2026-01-05", "2026-01-08"], "never beyond the newest change that was seen");
}

#[test]
fn a_source_without_records_since_a_day_is_asked_from_that_day_again() {
    let api = HttpServer::start(|_| HttpReply::json(&json!([])));
    let extract = "since = { param = \"since\", field = \"/changed\", format = \"%Y-%m-%d\" }";
    let things = Declared::new(api, "auth = \"none\"\nlimit = \"none\"", extract);
    things.run(&["extract", "things", "--from", "2026-01-03"]).exits(0);
    things.run(&["extract", "things"]).exits(0);
    let since: Vec<String> = things.api.seen("/api/things").iter().map(|a| a.get("since").to_owned()).collect();
    assert_eq!(since, ["2026-01-03", "2026-01-03"]);
}

#[test]
fn a_limit_with_hours_holds_in_them_and_not_outside() {
    let pause = |hours: &str| {
        let api = HttpServer::start(|_| HttpReply::json(&json!([])));
        let source = format!("auth = \"none\"\nzone = \"UTC\"\nlimit = [\"10/h {hours}\"]");
        let things = Declared::new(api, &source, "");
        things.extract().exits(0);
        things.evo.db.one("select extract(epoch from next_at - slot_at)::int from evo.pace")
    };
    let now = Evo::new().db.one("select extract(hour from clock_timestamp() at time zone 'UTC')::int");
    // Both stretches are hours away from where the hour may turn meanwhile.
    let (within, outside) = match now.parse::<u32>().unwrap() {
        0..12 => ("00:00-13:30", "16:00-22:00"),
        _ => ("11:00-24:00", "03:00-09:00"),
    };
    assert_eq!(pause(within), "364", "a tenth of an hour and its margin");
    assert_eq!(pause(outside), "0");
}
