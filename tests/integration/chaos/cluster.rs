//! The soak on a Citus cluster: sessions of its servers, sessions of the coordinator and evo itself are killed.
//!
//! `EVO_TEST_CITUS_URL` names the cluster, `EVO_CHAOS_KILLS` (500) how many kills must have struck, and
//! `EVO_CHAOS_SEED` (from the clock) which.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::{self, Crew};
use super::lake::GrowingLake;
use super::verdict;
use super::watch::Watch;
use crate::support::cluster::{coordinator, servers};
use crate::support::proxy::{COMMIT, Fault, Proxy};
use crate::support::server::eventually;
use crate::support::{Database, Dice, Evo, Run, try_sql};

/// What the faults can hit.
struct World {
    dice: Dice,
    evo: Evo,
    /// The test's database on each server, the coordinator first.
    databases: Vec<String>,
    proxy: Proxy,
    lake: Arc<GrowingLake>,
    crew: Arc<Crew>,
    watch: Arc<Watch>,
}

impl World {
    fn new(coordinator: &str, seed: u64) -> Self {
        let evo = Evo::with(Database::migrated());
        let name = evo.db.url.rsplit('/').next().unwrap();
        let databases = servers(coordinator).iter().map(|server| format!("{server}/{name}")).collect();
        let proxy = Proxy::before(&evo.db);
        let watch = Watch::start(evo.db.url.clone());
        let lake = GrowingLake::start(&evo, seed, &watch);
        let crew = Crew::start(&evo, &proxy.url(&evo.db), &lake, &watch, seed);
        Self { dice: Dice(seed), databases, evo, proxy, lake, crew, watch }
    }

    /// Runs a query on a server; whether it ended a session.
    fn ends(&self, server: usize, query: &str) -> bool {
        try_sql(&self.databases[server], query).unwrap_or_default().concat() == ["t"]
    }
}

/// One of the sessions that work, if there are such.
const OF_EVO: &str = "from pg_stat_activity where application_name like 'evo:%' and datname = current_database() \
                      order by state = 'active' desc, random() limit 1";
/// One of those in which a coordinator has its part of a transaction done.
const OF_COORDINATOR: &str = "from pg_stat_activity where application_name like 'citus_internal%' \
                              and datname = current_database() order by xact_start is null, random() limit 1";

type Kill = fn(&mut World) -> bool;

const KILLS: [(&str, Kill); 6] = [
    ("evo: SIGKILL", |world| world.crew.signal(&mut world.dice, libc::SIGKILL, None)),
    ("coordinator: session ended", |world| world.ends(0, &format!("select pg_terminate_backend(pid) {OF_EVO}"))),
    ("worker: session ended", end_worker),
    ("worker: session ended", end_worker),
    ("worker: statement cancelled", |world| {
        let server = 1 + world.dice.index(world.databases.len() - 1);
        world.ends(server, &format!("select pg_cancel_backend(pid) {OF_COORDINATOR}"))
    }),
    ("coordinator: reply to COMMIT swallowed", |world| {
        world.proxy.when(COMMIT, 1, Fault::Swallow);
        let since = Instant::now();
        while !world.proxy.has_struck() && since.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let has_struck = world.proxy.has_struck();
        world.proxy.forget();
        has_struck
    }),
];

fn end_worker(world: &mut World) -> bool {
    let server = 1 + world.dice.index(world.databases.len() - 1);
    world.ends(server, &format!("select pg_terminate_backend(pid) {OF_COORDINATOR}"))
}

#[test]
#[ignore = "takes as long as one wants, on a cluster: scripts/chaos --kills"]
#[allow(clippy::print_stdout)]
fn soak_on_a_cluster() {
    let Some(coordinator) = coordinator() else {
        println!("skipped: EVO_TEST_CITUS_URL names no cluster");
        return;
    };
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let kills = number("EVO_CHAOS_KILLS").unwrap_or(500);
    let seed = number("EVO_CHAOS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("{kills} kills on a cluster, seed {seed}");
    let mut world = World::new(coordinator, seed);
    let (mut struck, mut tally) = (0, BTreeMap::<&str, u32>::new());
    while struck < kills {
        std::thread::sleep(world.dice.millis(50, 900));
        let (name, kill) = world.dice.pick(&KILLS);
        if kill(&mut world) {
            struck += 1;
            *tally.entry(name).or_default() += 1;
            world.watch.lifted(name);
            eprintln!("{struck:5} {name} · {}", world.watch.line());
        }
    }
    let problems = settle(&mut world);
    let verdict = verdict::compare(&world.evo, &world.lake, || {
        let args = [crew::TRANSFORM, &["--full-refresh"]].concat();
        Run::from(world.crew.command(&args).output().unwrap()).exits(0);
    });
    println!("{tally:#?}\nends      {}\nmended by the next run {}\n", world.crew.ends(), world.crew.reasons());
    println!("runs of bronze, batches   {} {}\n{verdict}", world.lake.shown(), world.watch.committed());
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(verdict.is_clean(), "{verdict}");
}

/// Lets everything that runs come to its end, and then runs each job once more.
fn settle(world: &mut World) -> Vec<String> {
    world.lake.stop_growing();
    let mut problems = world.crew.stop(Duration::from_secs(600));
    for args in [crew::LOAD, crew::TRANSFORM] {
        let output = world.crew.command(args).output().unwrap();
        if !output.status.success() {
            problems.push(format!("the last {args:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    eventually("the last commits are seen", || world.watch.is_quiet());
    problems.extend(world.crew.problems());
    problems.extend(world.watch.problems());
    problems
}
