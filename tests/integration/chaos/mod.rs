//! A soak: loads and transforms a growing lake under random faults, lets everything end undisturbed, and
//! compares every table with what an undisturbed load of the same lake gives.
//!
//! | part | what it does |
//! |---|---|
//! | [`lake`] | a blob service; the next run appears when the last one is in |
//! | [`crew`] | what a scheduler does: keeps two or three loads and a transform running, and starts another one for each that ends |
//! | [`kinds`] | the faults, one after another; each returns whether it hit anything |
//! | [`watch`] | when the first batch was committed after each fault |
//! | [`verdict`] | lost and doubled rows, ledger against data |
//! | [`cluster`] | the same on a Citus cluster, with faults of its servers' sessions |
//!
//! `scripts/chaos` runs it. `EVO_CHAOS_MINUTES` (1) and `EVO_CHAOS_SEED` (from the clock) say how long and
//! which.

mod cluster;
mod crew;
mod kinds;
mod lake;
mod verdict;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::proxy::Proxy;
use crate::support::server::{Server, eventually};
use crate::support::{Database, Dice, Evo, Run, is_root};
use crew::Crew;
use lake::GrowingLake;
use watch::Watch;

/// Everything that faults can hit.
pub(super) struct World {
    dice: Dice,
    evo: Evo,
    server: Server,
    standby: Option<Server>,
    proxy: Arc<Proxy>,
    lake: Arc<GrowingLake>,
    crew: Arc<Crew>,
    watch: Arc<Watch>,
}

impl World {
    fn new(seed: u64) -> Self {
        let settings = [
            ("fsync", "off"),
            ("max_wal_size", "96MB"),
            ("wal_keep_size", "64MB"),
            ("checkpoint_timeout", "30s"),
            ("autovacuum_naptime", "5s"),
        ];
        // A disk of its own can be filled; mounting one needs root.
        let server = if is_root() { Server::start_on_disk("900m", &settings) } else { Server::start(&settings) };
        let evo = Evo::with(Database::on(&server));
        let proxy = Arc::new(Proxy::to(server.port));
        let watch = Watch::start(server.url("postgres"));
        let lake = GrowingLake::start(&evo, seed, &watch);
        let crew = Crew::start(&evo, &proxy.url(&evo.db), &lake, &watch, seed);
        Self { dice: Dice(seed), evo, server, standby: None, proxy, lake, crew, watch }
    }

    /// Rows of a query on the primary; none when it is unavailable.
    fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        crate::support::try_sql(&self.server.url("postgres"), statements).unwrap_or_default()
    }
}

/// What befell the faults of one kind.
#[derive(Default)]
struct Tally {
    tried: u32,
    struck: u32,
}

#[test]
#[ignore = "takes as long as one wants: scripts/chaos"]
fn soak() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<f64>().expect(name));
    let minutes = number("EVO_CHAOS_MINUTES").unwrap_or(1.0);
    let seed = number("EVO_CHAOS_SEED").map_or_else(|| u64::from(std::process::id()), |n| n as u64);
    eprintln!("chaos for {minutes} minutes, seed {seed}");
    let mut world = World::new(seed);
    let tallies = disturb(&mut world, Duration::from_secs_f64(minutes * 60.0));
    let ended = settle(&mut world);
    let verdict = verdict::compare(&world.evo, &world.lake, || {
        let args = [crew::TRANSFORM, &["--full-refresh"]].concat();
        Run::from(world.crew.command(&args).output().unwrap()).exits(0);
    });
    let faults = report(&world, &tallies, &ended, &verdict);
    assert!(ended.problems.is_empty(), "{:#?}", ended.problems);
    assert!(verdict.is_clean(), "{verdict}");
    assert!(faults > 0, "no fault struck anything");
}

fn disturb(world: &mut World, time: Duration) -> BTreeMap<&'static str, Tally> {
    let started = Instant::now();
    let mut tallies: BTreeMap<&'static str, Tally> = BTreeMap::new();
    let mut bag: Vec<kinds::Kind> = Vec::new();
    while started.elapsed() < time {
        std::thread::sleep(world.dice.millis(200, 2500));
        // Each kind once, in a new order, and then each again: no kind is left out for long.
        if bag.is_empty() {
            bag = kinds::all();
        }
        let kind = bag.swap_remove(world.dice.index(bag.len()));
        let began = Instant::now();
        let has_struck = (kind.inject)(world);
        let tally = tallies.entry(kind.name).or_default();
        tally.tried += 1;
        if has_struck {
            tally.struck += 1;
            world.watch.lifted(kind.name);
        }
        let at = started.elapsed().as_secs_f64();
        let struck = if has_struck { "" } else { " (hit nothing)" };
        eprintln!(
            "{at:7.1} s  {} · {:.1} s{struck} · {}",
            kind.name,
            began.elapsed().as_secs_f64(),
            world.watch.line()
        );
        if world.watch.is_slow() {
            eprintln!("{}", world.crew.line());
        }
    }
    for (name, times) in world.crew.deaths() {
        tallies.insert(name, Tally { tried: times, struck: times });
    }
    tallies
}

/// How it ended when nothing was disturbed any more.
struct Ended {
    problems: Vec<String>,
    last: Duration,
}

/// Ends all faults, lets everything that runs come to its end, and then runs each job once more.
fn settle(world: &mut World) -> Ended {
    world.lake.behave();
    world.proxy.forget();
    world.proxy.stall(false);
    world.server.revive();
    world.lake.stop_growing();
    let mut problems = world.crew.stop(Duration::from_secs(120));
    let started = Instant::now();
    for args in [crew::LOAD, crew::TRANSFORM] {
        let output = world.crew.command(args).output().unwrap();
        if !output.status.success() {
            problems.push(format!("the last {args:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
    }
    world.evo.db.url = world.server.url("postgres");
    eventually("the last commits are seen", || world.watch.is_quiet());
    problems.extend(world.crew.problems());
    problems.extend(world.watch.problems());
    Ended { problems, last: started.elapsed() }
}

#[allow(clippy::print_stdout)]
fn report(world: &World, tallies: &BTreeMap<&str, Tally>, ended: &Ended, verdict: &verdict::Verdict) -> u32 {
    let recoveries = world.watch.recoveries();
    println!("\n{:<42} {:>6} {:>9} {:>18}", "fault", "struck", "of tried", "longest recovery");
    for (kind, tally) in tallies {
        let longest = recoveries.get(kind).map_or("–".to_owned(), |d| format!("{:.1} s", d.as_secs_f64()));
        println!("{kind:<42} {:>6} {:>9} {longest:>18}", tally.struck, tally.tried);
    }
    let faults = tallies.values().map(|t| t.struck).sum();
    let struck_kinds = tallies.values().filter(|t| t.struck > 0).count();
    let longest = recoveries.values().max().copied().unwrap_or_default();
    println!("\nfaults survived                {faults} of {struck_kinds} kinds");
    println!(
        "longest recovery               {:.1} s from the end of a fault to the first commit",
        longest.as_secs_f64()
    );
    println!("executions and their ends      {}", world.crew.ends());
    println!("ends that the next run mended  {}", world.crew.reasons());
    println!("runs of bronze, batches        {} {}", world.lake.shown(), world.watch.committed());
    println!("last load and transform        {:.1} s", ended.last.as_secs_f64());
    println!("manual steps                   {}", ended.problems.len());
    println!("{verdict}");
    faults
}
