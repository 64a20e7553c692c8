//! Runs in and out of order, whole and not.

use super::{Follower, visit, visits};
use crate::support::{Object, object, write};

const DAYS: [&str; 5] = ["2026-01-10", "2026-01-11", "2026-01-12", "2026-01-13", "2026-01-14"];

#[test]
fn rows_that_a_whole_run_lacks_are_marked_with_their_children_and_back_when_they_reappear() {
    let follower = Follower::new("visits", "mark");
    follower.bring(DAYS[0], "1", &visits(1..=4)).exits(0);
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2,3,4", ""));
    follower.put(DAYS[1], "2", &visits([1, 2, 4]));
    follower.load().exits(0);
    let would = "1 document is not in run 2 any more and would be marked; 0 are there again";
    follower.transform(&["--dry-run"]).exits(0).says(would);
    let json = follower.run(&["transform", "visits", "--dry-run", "--output", "json"]).exits(0).json();
    assert_eq!(json["entities"][0]["missing"]["refused"], true, "a quarter is more than the default allows");
    assert_eq!(follower.marked(), "");
    follower.transform(&[]).exits(0).says("1 document is not in run 2 any more and marked");
    assert!(!follower.transform(&["--dry-run"]).exits(0).stdout.contains("not in run"));
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2,4", "3 2026-01-11"));
    let children = "select distinct visit_id from core.visit_guests where _deleted_at is not null";
    assert_eq!(follower.rows(children), [["3"]]);
    assert_eq!(follower.rows("select visit_id from stg_evo.visits_raw where _deleted_at is not null"), [["3"]]);
    follower.run(&["status", "visits"]).exits(0).says("visits: 1 document is not in run 2 or a newer one, and marked");
    // Back unchanged, and another one gone.
    follower.bring(DAYS[2], "3", &visits([1, 2, 3])).exits(0).says("1 is there again");
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2,3", "4 2026-01-12"));
    // Back with another content.
    follower.bring(DAYS[3], "4", &[visit(1, 1), visit(2, 1), visit(3, 1), visit(4, 2)]).exits(0);
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2,3,4", ""));
    assert_eq!(follower.rows(children), [[""; 0]; 0]);
    for mode in [&["--full-refresh"][..], &["--in-place"], &["--incremental"]] {
        follower.transform(mode).exits(0);
        assert_eq!(follower.visits(), "1,2,3,4");
    }
    follower.run(&["verify", "visits", "--deep"]).exits(0);
    follower.run(&["check", "visits"]).exits(0);
    // What evo has marked itself is no row that somebody else wrote; what somebody else has changed is.
    let rewritten =
        || follower.run(&["verify", "visits", "--output", "json"]).json()["entities"][0]["rewritten_rows"].clone();
    assert_eq!(rewritten(), 0);
    follower.rows("update stg_evo.visits_raw set raw_data = raw_data || '{\"at\": null}' where visit_id = 3");
    assert_eq!(rewritten(), 1);
}

#[test]
fn rows_that_a_whole_run_lacks_are_deleted_with_their_children_and_written_again_when_they_reappear() {
    let follower = Follower::new("visits", "delete");
    follower.bring(DAYS[0], "1", &visits(1..=4)).exits(0);
    follower.bring(DAYS[1], "2", &visits([1, 2, 4])).exits(0).says("1 document is not in run 2 any more and deleted");
    let counts = "select (select string_agg(visit_id::text, ',' order by visit_id) from core.visits), (select count(*) from core.visit_guests)";
    assert_eq!(follower.rows(counts), [["1,2,4", "6"]]);
    for mode in ["--full-refresh", "--in-place", "--incremental"] {
        follower.transform(&[mode]).exits(0);
        assert_eq!(follower.rows(counts), [["1,2,4", "6"]], "{mode}");
        follower.run(&["verify", "visits"]).exits(0);
        follower.run(&["verify", "visits", "--deep"]).exits(0);
        follower.run(&["check", "visits"]).exits(0);
    }
    follower.bring(DAYS[2], "3", &visits(1..=4)).exits(0).says("1 is there again");
    assert_eq!(follower.rows(counts), [["1,2,3,4", "8"]]);
    follower.run(&["reset", "visits", "--yes"]).exits(0);
    assert_eq!(follower.evo.db.one("select count(*) from evo.followed_runs"), "0");
    follower.load().exits(0);
    follower.transform(&[]).exits(0);
    assert_eq!(follower.rows(counts), [["1,2,3,4", "8"]]);
}

#[test]
fn a_late_older_run_deletes_nothing_that_a_newer_one_brought() {
    let follower = Follower::new("visits", "mark");
    follower.bring(DAYS[0], "1", &visits([1, 2])).exits(0);
    follower.bring(DAYS[3], "4", &visits([1, 2, 3])).exits(0);
    // It lacks what run 4 brought, and what runs 1 and 4 have; and it has what run 4 lacks.
    follower.bring(DAYS[2], "3", &visits([1, 9])).exits(0);
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2,3", "9 2026-01-13"));
    follower.bring(DAYS[4], "5", &visits([1, 2, 3, 9])).exits(0);
    assert_eq!(follower.marked(), "");
}

#[test]
fn several_runs_at_once_mark_each_row_with_the_first_run_that_lacks_it() {
    let follower = Follower::new("visits", "mark");
    for (i, ids) in [vec![1, 2, 3, 4], vec![1, 2, 3], vec![1, 2], vec![1, 2, 4], vec![1]].into_iter().enumerate() {
        follower.put(DAYS[i], &(i + 8).to_string(), &visits(ids));
    }
    follower.load().exits(0);
    follower.transform(&[]).exits(0);
    assert_eq!(follower.marked(), "2 2026-01-14, 3 2026-01-12, 4 2026-01-14");
}

#[test]
fn runs_of_one_day_follow_each_other_by_their_numbers() {
    let follower = Follower::new("visits", "mark");
    for (run, ids) in [("9", vec![1, 2, 3]), ("10", vec![1, 2]), ("11", vec![1, 3])] {
        follower.bring(DAYS[0], run, &visits(ids)).exits(0);
    }
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,3", "2 2026-01-10"));
}

#[test]
fn a_run_that_is_not_whole_marks_nothing() {
    let follower = Follower::new("visits", "mark");
    follower.bring(DAYS[0], "1", &visits(1..=3)).exits(0);
    // A rejected line: the source may have its document.
    let mut lines = visits([1]);
    lines.push("{\"broken\": ".to_owned());
    follower.put(DAYS[1], "2", &lines);
    follower.load().exits(6);
    follower.transform(&[]).exits(0);
    assert_eq!(follower.visits(), "1,2,3");
    // An object that cannot be read.
    follower.put(DAYS[2], "3", &visits([1]));
    let broken = Object { date: DAYS[2], ..object("visits", "3", "b") }.path();
    write(&follower.evo.lake(), &broken, b"\x1f\x8bnot gzip");
    follower.load();
    follower.transform(&[]).exits(0);
    assert_eq!(follower.visits(), "1,2,3");
    // One that lies on two dates.
    follower.put(DAYS[2], "4", &visits([1]));
    follower.put(DAYS[3], "4", &visits([2]));
    follower.load();
    follower.transform(&[]).exits(0);
    assert_eq!(follower.visits(), "1,2,3");
    // A replay completes run 2, and run 1 is older.
    let id = follower.evo.db.one("select reject_id from evo.rejects");
    write(
        follower.evo.dir.path(),
        "fixes.jsonl",
        format!("{}\n", serde_json::json!({ "reject_id": id.parse::<i64>().unwrap(), "line": visit(2, 1) })).as_bytes(),
    );
    follower.run(&["rejects", "replay", "visits", "--file", "fixes.jsonl"]).exits(0);
    follower.transform(&[]).exits(0);
    assert_eq!((follower.visits().as_str(), follower.marked().as_str()), ("1,2", "3 2026-01-11"));
}

#[test]
fn a_manifest_that_names_errors_or_other_numbers_shows_that_its_run_is_not_whole() {
    let follower = Follower::new("visits", "mark");
    let manifest = |day: usize, run: &str, text: &str| {
        let folder = format!("bronze/evo/entity=visits/ingestion_date={}/run_id={run}", DAYS[day]);
        write(&follower.evo.lake(), &format!("{folder}/_manifest.json"), text.as_bytes());
    };
    let cases = [
        ("1", r#"{"total_records": 3, "total_parts": 1, "errors": 0}"#, visits(1..=3), ""),
        ("2", r#"{"total_records": 1, "total_parts": 1, "errors": 1}"#, visits([1]), ""),
        ("3", r#"{"total_records": 2, "total_parts": 1, "errors": 0}"#, visits([1]), ""),
        ("4", r#"{"total_records": 2, "total_parts": 1, "errors": 0}"#, visits([1, 2]), "3 2026-01-13"),
    ];
    for (day, (run, text, lines, marked)) in cases.into_iter().enumerate() {
        manifest(day, run, text);
        follower.put(DAYS[day], run, &lines);
        follower.load();
        follower.transform(&[]).exits(0);
        assert_eq!(follower.marked(), marked, "run {run}");
    }
    // Its numbers are right, but it lists an object that is not there. It is loaded because somebody insists.
    let lost = format!(r#"[{{"path": "lost.jsonl.gz", "bytes": 1, "sha256": "{}"}}]"#, "00".repeat(32));
    manifest(4, "5", &format!(r#"{{"total_records": 1, "objects": {lost}}}"#));
    follower.put(DAYS[4], "5", &visits([1]));
    follower.run(&["load", "visits", "--run-id", "5"]).exits(0).says("lost.jsonl.gz, which its manifest lists, is not");
    follower.transform(&[]).exits(0);
    assert_eq!(follower.marked(), "3 2026-01-13");
}

#[test]
fn more_missing_rows_than_max_shrink_allows_are_left_alone_while_everything_else_is_transformed() {
    let follower = Follower::new("visits", "mark");
    follower.bring(DAYS[0], "1", &visits(1..=10)).exits(0);
    follower.put(DAYS[1], "2", &[visit(1, 5), visit(11, 1)]);
    follower.load().exits(0);
    for mode in [&["transform", "visits"][..], &["transform", "visits", "--full-refresh"], &["transform", "visits"]] {
        let refused = follower.run(mode).exits(6);
        refused.says("visits: run 2 lacks 9 of 11 rows: 82 %, more than --max-shrink 20% allows");
        assert_eq!(follower.visits(), "1,2,3,4,5,6,7,8,9,10,11");
        assert_eq!(
            (follower.marked().as_str(), follower.rows("select at::date from core.visits where visit_id = 1")),
            ("", vec![vec!["2026-01-05".to_owned()]])
        );
    }
    follower.transform(&[]).exits(0);
    assert_eq!(follower.visits(), "1,11");
}

#[test]
fn loading_everything_again_brings_nothing_back() {
    let follower = Follower::new("visits", "delete");
    follower.bring(DAYS[0], "1", &visits(1..=3)).exits(0);
    follower.bring(DAYS[1], "2", &visits([1, 2])).exits(0);
    let ids = "select string_agg(visit_id::text, ',' order by visit_id) from core.visits";
    follower.run(&["load", "visits", "--all-runs"]).exits(0);
    follower.transform(&[]).exits(0);
    assert_eq!(follower.rows(ids), [["1,2"]]);
    // Interrupted: the newest run is not whole at the moment.
    follower.rows("update evo.objects set state = 'pending', batch_id = null where run_id = '2'");
    follower.transform(&["--full-refresh"]).exits(0);
    follower.transform(&["--incremental"]).exits(0);
    assert_eq!(follower.rows(ids), [["1,2"]]);
}

#[test]
fn what_becomes_of_missing_rows_may_change() {
    let follower = Follower::new("visits", "mark");
    follower.bring(DAYS[0], "1", &visits(1..=3)).exits(0);
    follower.bring(DAYS[1], "2", &visits([1, 2])).exits(0);
    let ids = "select string_agg(visit_id::text, ',' order by visit_id) from core.visits";
    follower.declare("delete");
    follower.transform(&[]).exits(0);
    assert_eq!(follower.rows(ids), [["1,2"]]);
    follower.declare("mark");
    follower.transform(&[]).exits(0);
    assert_eq!((follower.rows(ids), follower.marked().as_str()), (vec![vec!["1,2,3".to_owned()]], "3 2026-01-11"));
    follower.declare("keep");
    follower.transform(&[]).exits(0);
    follower.bring(DAYS[2], "3", &visits([1])).exits(0);
    assert_eq!(follower.marked(), "3 2026-01-11");
    follower.declare("delete");
    follower.transform(&[]).exits(0);
    assert_eq!(follower.rows(ids), [["1"]]);
    follower.run(&["verify", "visits", "--deep"]).exits(0);
}

#[test]
fn an_interrupted_transform_leaves_marks_that_core_shows_and_the_next_one_goes_on() {
    for failpoint in ["transform.before_chunk_commit", "transform.after_chunk_commit", "transform.before_followed"] {
        let follower = Follower::new("visits", "delete");
        follower.bring(DAYS[0], "1", &visits(1..=9)).exits(0);
        follower.put(DAYS[1], "2", &visits([2, 4, 6]));
        follower.load().exits(0);
        let args = ["transform", "visits", "--max-shrink", "100%", "--extend", "own"];
        let mut command = follower.evo.command(&args);
        command.env("EVO_FAILPOINTS", format!("{failpoint}=kill")).env("EVO_CHUNK_ROWS", "2");
        assert!(!command.output().unwrap().status.success(), "{failpoint}");
        let differing = "select count(*) from stg_evo.visits_raw s full join core.visits c using (visit_id)
            where (s._deleted_at is null) <> (c.visit_id is not null)";
        assert_eq!(follower.evo.db.one(differing), "0", "{failpoint}");
        follower.transform(&[]).exits(0);
        assert_eq!(follower.visits(), "2,4,6", "{failpoint}");
    }
}
