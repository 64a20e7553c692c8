//! Plays the scheduler: keeps jobs running, and starts another one for each that ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::lake::GrowingLake;
use super::watch::Watch;
use crate::lake::KEY;
use crate::support::{Dice, Evo, failpoints};

pub(super) const LOAD: &[&str] = &["load", "all", "--workers", "2", "--batch-size", "2", "--max-rejects", "100%"];
pub(super) const TRANSFORM: &[&str] = &["transform", "all", "--workers", "2"];
/// Two loads all the time, a third now and then, and a transform.
const SLOTS: usize = 4;
/// A process that lasts longer is stuck.
const PATIENCE: Duration = Duration::from_secs(180);

/// The lease of a claim.
pub(super) const LEASE: Duration = Duration::from_secs(2);

pub(super) struct Crew {
    dir: PathBuf,
    /// The way to the database, through a proxy.
    database: String,
    endpoint: String,
    running: Mutex<Vec<Option<Job>>>,
    ends: Mutex<BTreeMap<String, u32>>,
    /// Why they ended with 5 or 8.
    reasons: Mutex<BTreeMap<String, u32>>,
    deaths: Mutex<BTreeMap<&'static str, u32>>,
    problems: Mutex<Vec<String>>,
    wants_third: AtomicBool,
    has_ended: AtomicBool,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

struct Job {
    child: Child,
    since: Instant,
    /// Signals that it was sent.
    was_hit: bool,
    is_load: bool,
}

impl Crew {
    pub fn start(evo: &Evo, database: &str, lake: &GrowingLake, watch: &Arc<Watch>, seed: u64) -> Arc<Self> {
        let crew = Arc::new(Self {
            dir: evo.dir.path().to_owned(),
            // The proxy can look into what is not encrypted only.
            database: format!("{database}?connect_timeout=2&sslmode=disable"),
            endpoint: lake.server.endpoint(),
            running: Mutex::new((0..SLOTS).map(|_| None).collect()),
            ends: Mutex::default(),
            reasons: Mutex::default(),
            deaths: Mutex::default(),
            problems: Mutex::default(),
            wants_third: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            threads: Mutex::default(),
        });
        let places = Arc::new(failpoints());
        for slot in 0..SLOTS {
            let (own, watch, places) = (Arc::clone(&crew), Arc::clone(watch), Arc::clone(&places));
            let mut dice = Dice(seed ^ (slot as u64 + 100));
            crew.threads.lock().unwrap().push(std::thread::spawn(move || {
                while !own.has_ended.load(Ordering::Relaxed) {
                    if slot != 2 || own.wants_third.swap(false, Ordering::Relaxed) {
                        own.run(slot, &places, &mut dice, &watch);
                    }
                    std::thread::sleep(dice.millis(50, 400));
                }
            }));
        }
        crew
    }

    /// A command of the crew, with the settings of all.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = crate::support::binary(&self.dir);
        command.args(args).args(["--database-url", &self.database, "--lake", "az://datalake"]);
        command.envs([
            ("AZURE_STORAGE_ENDPOINT", self.endpoint.as_str()),
            ("AZURE_STORAGE_ACCOUNT_NAME", "acme"),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            ("EVO_LAKE_IDLE_TIMEOUT", "500ms"),
            ("EVO_LOAD_LEASE", "2s"),
            ("EVO_RETRY_BASE", "50ms"),
            ("EVO_RETRY_MAX", "2s"),
            ("EVO_RETRY_MAX_RETRIES", "5"),
            ("EVO_RETRY_BUDGET", "20s"),
            ("EVO_RETRY_STALL_TIMEOUT", "1s"),
        ]);
        command
    }

    /// One process from its start to its end.
    fn run(&self, slot: usize, places: &[String], dice: &mut Dice, watch: &Watch) {
        let is_load = slot < 3;
        let mut args = if is_load { LOAD.to_vec() } else { TRANSFORM.to_vec() };
        if !is_load && dice.roll(4) == 0 {
            args.push("--full-refresh");
        }
        let mut command = self.command(&args);
        let places: Vec<&String> = places.iter().filter(|p| p.starts_with(args[0])).collect();
        if !places.is_empty() && dice.roll(4) == 0 {
            let place = dice.pick(&places);
            command.env("EVO_FAILPOINTS", format!("{place}=kill@{}", 1 + dice.roll(5)));
        }
        let said = self.dir.join(format!("stderr-{slot}"));
        command.stdout(File::create(self.dir.join(format!("stdout-{slot}"))).unwrap());
        command.stderr(File::create(&said).unwrap());
        let job = Job { child: command.spawn().unwrap(), since: Instant::now(), was_hit: false, is_load };
        self.running.lock().unwrap()[slot] = Some(job);
        let (status, job) = loop {
            std::thread::sleep(Duration::from_millis(10));
            let mut running = self.running.lock().unwrap();
            let job = running[slot].as_mut().unwrap();
            let age = job.since.elapsed();
            if let Some(status) = job.child.try_wait().unwrap() {
                break (status, running[slot].take().unwrap());
            }
            if age > PATIENCE {
                let _ = job.child.kill();
                let said_text = std::fs::read_to_string(&said).unwrap_or_default();
                self.problem(format!("{args:?} was stuck for {age:?}:\n{said_text}"));
                job.was_hit = true;
            }
        };
        let said_text = std::fs::read_to_string(&said).unwrap_or_default();
        let end = match (status.code(), status.signal()) {
            (_, Some(libc::SIGKILL)) if said_text.contains("failpoint ") => {
                *self.deaths.lock().unwrap().entry("evo killed at a failpoint").or_default() += 1;
                watch.lifted("evo killed at a failpoint");
                "failpoint".to_owned()
            }
            (_, Some(signal)) => {
                if !job.was_hit {
                    self.problem(format!("{args:?} died of signal {signal}:\n{said_text}"));
                }
                format!("signal {signal}")
            }
            (code, _) => {
                let code = code.unwrap_or(-1);
                // 6: a lake that lies for longer than the retries last is none of these; 1 and 2 would be
                // defects.
                if ![0, 4, 5, 7, 8, 143].contains(&code) {
                    self.problem(format!("{args:?} ended with {code}:\n{said_text}"));
                }
                if code == 5 || code == 8 {
                    let reason = said_text.lines().rev().find(|line| line.starts_with("error: ")).unwrap_or_default();
                    // Without numbers, so that equal reasons are equal.
                    let reason = reason.replace(|c: char| c.is_ascii_digit(), "");
                    *self.reasons.lock().unwrap().entry(format!("{} {code} {reason}", args[0])).or_default() += 1;
                }
                code.to_string()
            }
        };
        *self.ends.lock().unwrap().entry(format!("{} {end}", args[0])).or_default() += 1;
    }

    fn problem(&self, text: String) {
        eprintln!("PROBLEM {text}");
        self.problems.lock().unwrap().push(text);
    }

    /// Sends a signal to a running process, and another one after a while. Whether both found it alive.
    pub fn signal(&self, dice: &mut Dice, first: i32, then: Option<(Duration, i32)>) -> bool {
        let alive: Vec<(usize, u32)> = {
            let mut running = self.running.lock().unwrap();
            let alive = running.iter_mut().enumerate().filter_map(|(i, job)| Some((i, job.as_mut()?.child.id())));
            alive.collect()
        };
        if alive.is_empty() {
            return false;
        }
        let (slot, pid) = dice.pick(&alive);
        self.send(slot, pid, first)
            && then.is_none_or(|(wait, second)| {
                std::thread::sleep(wait);
                self.send(slot, pid, second)
            })
    }

    /// Under the lock a process that was not waited for keeps its id.
    fn send(&self, slot: usize, pid: u32, signal: i32) -> bool {
        let mut running = self.running.lock().unwrap();
        let Some(job) = running[slot].as_mut().filter(|job| job.child.id() == pid) else { return false };
        if job.child.try_wait().unwrap().is_some() {
            return false;
        }
        job.was_hit = true;
        crate::support::server::signal(pid as i32, signal);
        true
    }

    /// Lets a third load join. Whether it meets another.
    pub fn join(&self) -> bool {
        self.wants_third.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(600));
        let running = self.running.lock().unwrap();
        running[2].is_some() && running.iter().flatten().filter(|job| job.is_load).count() >= 2
    }

    /// What runs, for how long, and what it said last.
    pub fn line(&self) -> String {
        let running = self.running.lock().unwrap();
        let lines = running.iter().enumerate().filter_map(|(slot, job)| {
            let said = std::fs::read_to_string(self.dir.join(format!("stderr-{slot}"))).unwrap_or_default();
            let age = job.as_ref()?.since.elapsed().as_secs_f64();
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            Some(format!("    slot {slot} for {age:.1} s: {}", last.join("\n      ")))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Processes that run.
    pub fn count(&self) -> usize {
        self.running.lock().unwrap().iter().flatten().count()
    }

    /// Starts nothing any more, and waits for what runs. What was left to be killed is a problem.
    pub fn stop(&self, timeout: Duration) -> Vec<String> {
        self.has_ended.store(true, Ordering::Relaxed);
        let started = Instant::now();
        while self.count() > 0 && started.elapsed() < timeout {
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut left = Vec::new();
        for job in self.running.lock().unwrap().iter_mut().flatten() {
            left.push(format!("process {} did not end within {timeout:?}", job.child.id()));
            let _ = job.child.kill();
            job.was_hit = true;
        }
        for thread in self.threads.lock().unwrap().drain(..) {
            thread.join().unwrap();
        }
        left
    }

    pub fn deaths(&self) -> BTreeMap<&'static str, u32> {
        self.deaths.lock().unwrap().clone()
    }

    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap().clone()
    }

    pub fn reasons(&self) -> String {
        self.reasons.lock().unwrap().iter().map(|(reason, n)| format!("\n  {n} x {reason}")).collect()
    }

    pub fn ends(&self) -> String {
        self.ends.lock().unwrap().iter().map(|(end, n)| format!("{end}: {n}")).collect::<Vec<_>>().join(" · ")
    }
}
