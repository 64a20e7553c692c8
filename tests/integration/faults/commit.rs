//! Commits in doubt: what became of an attempt whose last answer never came.

use super::{BATCHES, Site, assert_whole, end};
use crate::support::proxy::{COMMIT, COPY, Fault};
use crate::support::server::{eventually, signal};
use crate::support::{Run, sql};

/// What the ledger says an attempt in doubt did is counted as done by its run.
#[track_caller]
fn assert_counts_all(run: &Run) {
    let words: Vec<&str> = run.stdout.lines().find(|l| l.starts_with("sales ")).unwrap().split_whitespace().collect();
    assert_eq!(words[1..4], ["36", "2,000", "2,000"], "{}", run.stdout);
}

#[test]
fn fault_07_a_commit_whose_reply_is_lost_is_not_copied_again() {
    let site = Site::new();
    let commits = site.proxy.count(COMMIT);
    let load = site.begin_up_to_a_copy();
    let sent = site.proxy.count(COMMIT) - commits;
    site.proxy.when(COMMIT, 1, Fault::Swallow);
    site.proxy.release();
    let run = end(load).exits(0).says("in doubt");
    assert!(sent < BATCHES);
    assert_eq!(site.proxy.count(COPY), BATCHES, "{}", run.stderr);
    assert_counts_all(&run);
    assert_whole(&site.evo);
}

#[test]
fn fault_07_a_claim_whose_reply_is_lost_leaves_no_batch_behind() {
    let site = Site::new();
    site.proxy.when(b"as is_taken_over", 3, Fault::Swallow);
    let load = site.begin();
    site.proxy.wait();
    end(load).exits(0);
    assert_whole(&site.evo);
}

#[test]
fn fault_08_a_commit_that_a_crash_forgot_is_repeated() {
    let mut site = Site::new();
    let load = site.begin_up_to_a_commit(Fault::Hold);
    // The client waits for the answer to its commit; the server has not made it durable, and never will.
    site.server.stop("immediate");
    site.proxy.cut();
    site.server.run();
    site.proxy.release();
    end(load).exits(0).says("in doubt");
    assert_eq!(site.proxy.count(COPY).min(BATCHES + 1), BATCHES + 1, "nothing was repeated");
    assert_whole(&site.evo);
}

#[test]
fn fault_09_an_attempt_whose_commit_never_arrives_is_ended_and_its_batch_repeated() {
    let site = Site::new();
    let load = site.begin_up_to_a_commit(Fault::Hold);
    // The network is dead: the server waits for the COMMIT, with the batch's row locked, and misses nobody.
    let first = site.struck_session();
    site.proxy.cut_struck();
    eventually("the end of the first attempt", || site.sql(&first).is_empty());
    end(load).exits(0).says("in doubt");
    assert_eq!(site.proxy.count(COPY), BATCHES + 1);
    assert_whole(&site.evo);
}

#[test]
fn fault_09_an_attempt_that_still_commits_when_the_retry_begins_is_not_repeated() {
    let site = Site::new();
    let load = site.begin_up_to_a_copy();
    // From now on a commit takes until a standby has it, which does not exist.
    let _ = site.sql("alter system set synchronous_standby_names = 'nobody'");
    let _ = site.sql("select pg_reload_conf()");
    let url = site.evo.db.url.clone();
    let probe = std::thread::spawn(move || sql(&url, "create table probe ()"));
    let commits = "select count(*) > 0 from pg_stat_activity where wait_event = 'SyncRep'";
    eventually("a commit that waits", || site.sql(commits) == "t");
    site.proxy.when(COMMIT, 1, Fault::Vanish);
    site.proxy.release();
    site.proxy.wait();
    let first = site.struck_session();
    let committing = format!("{first} and wait_event = 'SyncRep'");
    eventually("the first attempt's commit", || !site.sql(&committing).is_empty());
    site.proxy.cut_struck();
    eventually("the end of the first attempt", || site.sql(&first).is_empty());
    let _ = site.sql("alter system reset synchronous_standby_names");
    let _ = site.sql("select pg_reload_conf()");
    assert_counts_all(&end(load).exits(0).says("in doubt"));
    probe.join().unwrap();
    assert_eq!(site.proxy.count(COPY), BATCHES, "what had committed was copied again");
    assert_whole(&site.evo);
}

#[test]
fn fault_09_an_attempt_that_cannot_be_ended_is_waited_for() {
    let site = Site::new();
    let load = site.begin_up_to_a_commit(Fault::Hold);
    let first = site.struck_session();
    let pid: i32 = site.sql(&first).parse().unwrap();
    // Its work is done, its commit not read, and it hears nothing; the client hears that its connection is
    // gone.
    signal(pid, libc::SIGSTOP);
    site.proxy.cut_struck();
    site.proxy.release();
    let waits = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and query like '%set fence = fence + 1%'";
    // Not before the server has had its time to end it: 5 s.
    eventually("the retry's question", || site.sql(waits) == "t");
    signal(pid, libc::SIGCONT);
    end(load).exits(0).says("in doubt").says("may still hold locks");
    assert_eq!(site.proxy.count(COPY), BATCHES + 1);
    assert_whole(&site.evo);
}
