//! Notifications, as a webhook gets them.

use std::fs;

use serde_json::Value;

use super::{load, prepared, run};
use crate::support::{Collector, Reply};

/// The bodies that were posted.
fn bodies(hook: &Collector) -> Vec<Value> {
    hook.posted().iter().map(|posted| posted.json()).collect()
}

#[test]
fn the_summary_of_a_job_is_posted_with_how_it_ended() {
    let (evo, hook) = (prepared(), Collector::start());
    let url = hook.url();
    let mut printed = load(&evo, &[("EVO_NOTIFY", &url), ("EVO_OUTPUT", "json")]).exits(0).json();
    // What is posted has a version of its own.
    printed.as_object_mut().unwrap().remove("json_version");
    run(evo.command(&["load", "sale", "--notify", &url]), &[]).exits(2);
    // What only reads notifies nobody.
    run(evo.command(&["status", "--notify", &url]), &[]).exits(0);
    let posted = hook.posted();
    assert!(posted.iter().all(|p| p.header("content-type") == "application/json"));
    let [done, failed] = bodies(&hook).try_into().unwrap();
    assert_eq!((&done["version"], &done["status"], &done["exit_code"]), (&1.into(), &"succeeded".into(), &0.into()));
    assert_eq!((&done["command"], &done["summary"]), (&"load".into(), &printed));
    assert_eq!((&failed["status"], &failed["exit_code"]), (&"failed".into(), &2.into()));
    assert_eq!(failed["error"]["kind"], "Usage");
    assert!(failed["error"]["hint"].as_str().unwrap().contains("sales"), "{failed}");
}

#[test]
fn a_success_is_not_posted_where_only_failures_are_wanted() {
    let (evo, hook) = (prepared(), Collector::start());
    let url = hook.url();
    load(&evo, &[("EVO_NOTIFY", &url), ("EVO_NOTIFY_ON", "failure")]).exits(0);
    assert!(hook.posted().is_empty());
    run(evo.command(&["load", "sale", "--notify", &url, "--notify-on", "failure"]), &[]).exits(2);
    assert_eq!(hook.posted().len(), 1);
    run(evo.command(&["load", "sales", "--notify-on", "sometimes"]), &[]).exits(2).says("--notify-on");
}

#[test]
fn slack_teams_and_templates_of_ones_own_get_what_they_expect() {
    let (evo, hook) = (prepared(), Collector::start());
    let url = hook.url();
    let own = evo.dir.path().join("own.json");
    fs::write(&own, r#"{"title": "{headline}", "ok": "{exit_code}", "all": "{summary}"}"#).unwrap();
    for format in ["slack", "teams", own.to_str().unwrap()] {
        load(&evo, &[("EVO_NOTIFY", &url), ("EVO_NOTIFY_FORMAT", format)]).exits(0);
    }
    let [slack, teams, own] = bodies(&hook).try_into().unwrap();
    let text = slack["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(text.contains("*evo load sales: succeeded after ") && text.contains("sales: 2 objects, 3 lines"), "{text}");
    assert_eq!(teams["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    let title = own["title"].as_str().unwrap();
    assert!(title.starts_with("evo load sales: succeeded") && own["ok"] == "0", "{own}");
    assert_eq!(own["all"]["entities"][0]["entity"], "sales");
}

#[test]
fn a_webhook_that_fails_is_asked_again_and_never_fails_the_job() {
    let evo = prepared();
    let moment = Collector::scripted(|number| Reply::Status(if number < 3 { 500 } else { 202 }));
    load(&evo, &[("EVO_NOTIFY", &moment.url())]).exits(0);
    assert_eq!(moment.posted().len(), 3, "two failures, then a success");
    let down = Collector::scripted(|_| Reply::Status(500));
    let run = load(&evo, &[("EVO_NOTIFY", &down.url())]).exits(0).says("the notification was not delivered");
    assert!(!run.stderr.contains("error:"), "{}", run.stderr);
    assert_eq!(down.posted().len(), 3, "as often as the retry settings say");
    let gone = Collector::scripted(|_| Reply::Status(410));
    load(&evo, &[("EVO_NOTIFY", &gone.url())]).exits(0).says("answers 410");
    assert_eq!(gone.posted().len(), 1, "no is no");
}

#[test]
fn a_webhook_that_hangs_is_left_after_a_while() {
    let (evo, hook) = (prepared(), Collector::scripted(|_| Reply::Hang));
    load(&evo, &[("EVO_NOTIFY", &hook.url()), ("EVO_RETRY_MAX_RETRIES", "0")])
        .exits(0)
        .says("it does not answer in time");
}
