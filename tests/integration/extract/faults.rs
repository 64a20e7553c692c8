//! What a source does wrong, and what becomes of it.

use serde_json::json;

use super::declared::Declared;
use super::{ALL_DAYS, DEEP, World, generated, generated_of};
use crate::support::{HttpReply, HttpServer, Run};

#[test]
fn what_passes_is_asked_for_again() {
    let world = World::new();
    world.api.faults("500@2;cut@4;html@6;shape@8;502@10");
    // One after the other, so that every second attempt passes: a page is given up after three.
    world.run(&[&["extract", "sales", "--workers", "1"][..], &ALL_DAYS].concat()).exits(0);
    assert_eq!(world.lines("sales"), generated("sales"));
}

#[test]
fn a_window_that_fails_is_recorded_and_fetched_first_the_next_time() {
    let world = World::new();
    // One window after the other; every attempt at the fifth page fails.
    world.api.faults("html@5;html@6;html@7");
    let args = ["extract", "sales", "--from", "2023-01-01", "--to", "2025-12-31", "--workers", "1"];
    let run = world.run(&args).exits(4);
    assert!(run.stderr.contains("1 window could not be extracted"), "{}", run.stderr);
    assert!(run.stderr.contains("the answer is not JSON") && run.stderr.contains("text/html"), "{}", run.stderr);
    let manifest = world.manifest("sales");
    assert_eq!(manifest["errors"], 1);
    assert!(world.lines("sales").len() < 900);
    world.run(&["load", "sales"]).says("could not be extracted");
    let next = world.run(&["extract", "sales"]).exits(0).json();
    assert_eq!(next["entities"][0]["state"], "complete");
    assert_eq!(world.lines("sales"), generated("sales"), "the hole is filled");
    let first = "select is_hole from evo.windows w join evo.extractions e using (extraction_id) \
                 where e.state = 'complete' order by w.window_id limit 1";
    assert_eq!(world.evo.db.one(first), "t");
}

#[test]
fn a_set_that_moves_between_two_pages_is_read_again() {
    let world = World::of(&DEEP, &["--limit", "none"], "none");
    // A record of the first page disappears before the thirtieth is cut out.
    world.api.faults("remove@30");
    let run =
        Run::from(world.command(&["extract", "sales", "--from", "2025-12-01", "--to", "2025-12-31"]).output().unwrap());
    run.exits(0).says("records came or went");
    let (lines, all) = (world.lines("sales"), generated_of(&DEEP, "sales"));
    let missing = all.iter().filter(|line| lines.binary_search(line).is_err()).count();
    assert_eq!((missing, lines.len()), (1, all.len() - 1), "nothing is missing but what disappeared");
    assert_eq!(world.evo.db.one("select max(drifts_count) from evo.windows"), "1");
}

#[test]
fn a_window_that_always_moves_is_cut_in_two_until_it_holds_still_or_fails() {
    let world = World::of(&DEEP, &["--limit", "none"], "none");
    // Something disappears at each of these requests: after three times the window is halved.
    world.api.faults("remove@3;remove@6;remove@9");
    world.run(&["extract", "sales", "--from", "2025-12-01", "--to", "2025-12-31"]).exits(0);
    assert!(world.lines("sales").len() >= 11_000 - 3);
    let windows = world.evo.db.sql("select from_day, until_day from evo.windows order by 1");
    assert_eq!(windows, [["2025-12-01", "2025-12-16"], ["2025-12-16", "2026-01-01"]]);
    let manifest = world.manifest("sales");
    let lines: usize = world.objects("sales").values().map(|text| text.lines().count()).sum();
    assert_eq!(manifest["total_records"], lines);
}

#[test]
fn refusals_name_what_to_check_and_stop_at_once() {
    let world = World::new();
    let refused = |name: &str, value: &str| {
        let mut command = world.command(&["extract", "sales", "--last", "3d"]);
        Run::from(command.env(name, value).output().unwrap())
    };
    refused("EVO_PASSWORD", "wrong").exits(4).says("refuses the credentials: status 401");
    world.api.faults("403");
    world.run(&["extract", "sales", "--last", "3d"]).exits(4).says("refuses the credentials: status 403");
    world.api.faults("400");
    world.run(&["extract", "sales", "--last", "3d"]).exits(4).says("refuses the request: status 400");
    world.api.faults("");
    refused("EVO_PASSWORD", "").exits(3).says("EVO_PASSWORD is not set");
    let at = |url: &str| {
        declare_url(&world, url);
        world.run(&["extract", "sales", "--last", "3d"])
    };
    at(&format!("{}/nowhere", world.api.url)).exits(4).says("has nothing there: status 404");
    at("http://127.0.0.1:9").exits(4).says("cannot be reached");
    at("https://api.invalid").exits(4).says("cannot be reached");
    at(&world.api.url.replace("http://127.0.0.1", "https://localhost")).exits(4).says("does not speak TLS there");
    at("http://example.com").exits(3).says("must be an https address");
}

#[test]
fn no_window_fails_while_the_source_cannot_be_reached() {
    let world = World::new();
    let args = ["extract", "prospects", "--from", "2025-01-01", "--to", "2025-12-31"];
    let windows = "select count(*) filter (where state = 'failed') || ' of ' || count(*) from evo.windows";
    for url in ["http://127.0.0.1:9", "https://api.invalid"] {
        declare_url(&world, url);
        world.run(&args).exits(4).says("cannot be reached");
        assert_eq!(world.evo.db.one(windows), "0 of 4", "{url}");
    }
    declare_url(&world, &world.api.url);
    world.run(&args).exits(0);
}

/// Writes another address of the source into evo.toml.
fn declare_url(world: &World, url: &str) {
    let file = world.evo.dir.path().join("evo.toml");
    let lines = std::fs::read_to_string(&file).unwrap();
    let lines = lines.lines().map(|l| if l.starts_with("url") { format!("url = \"{url}\"") } else { l.to_owned() });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn a_refusal_for_their_number_slows_everybody_down_and_nothing_is_lost() {
    let world = World::with(&["--limit", "none", "--faults", "429@3"], "none");
    world.extract("prospects").exits(0);
    assert_eq!(world.lines("prospects"), generated("prospects"));
    assert_eq!(world.evo.db.one("select paused_until > '-infinity' from evo.pace"), "t");
}

#[test]
fn what_concerns_one_window_only_fails_that_one_and_the_others_go_on() {
    let big = format!("[{{\"id\": 2}}{}]", " ".repeat(64 << 20));
    let elsewhere = json!({ "rows": [{ "id": 2 }], "next": "https://elsewhere.example/api/things" }).to_string();
    for (second, says) in [(big, "is larger than 64 MiB"), (elsewhere, "gave an address of another origin")] {
        let api = HttpServer::start(move |asked| match asked.get("from") {
            "2026-01-02" => HttpReply(200, Vec::new(), second.clone()),
            day => HttpReply::json(&json!([{ "id": day[9..].parse::<u64>().unwrap() }])),
        });
        let extract = "records = [\"\", \"/rows\"]\npage = { next = \"/next\" }\n\
                       window = { from = \"from\", to = \"to\", format = \"%Y-%m-%d\", length = \"1 day\" }";
        let things = Declared::new(api, "auth = \"none\"\nlimit = \"none\"", extract);
        let args = ["extract", "things", "--from", "2026-01-01", "--to", "2026-01-03"];
        let run = things.run(&args).exits(4).says("1 window could not be extracted");
        run.says(says).says("2026-01-02");
        assert_eq!(things.ids(), [1, 3], "{says}");
        assert_eq!(things.evo.db.one("select from_day from evo.windows where state = 'failed'"), "2026-01-02");
    }
}
