//! A blob service whose content grows run by run, and which misbehaves on command.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::watch::Watch;
use crate::support::{Act, BlobServer, Dice, End, Evo, gz};

/// Runs written ahead.
const AHEAD: u32 = 40;

/// The objects of one day: path and content.
type Day = Vec<(String, Vec<u8>)>;

pub(super) struct GrowingLake {
    pub server: BlobServer,
    /// Objects by day of their run, each with its manifest last.
    hidden: Mutex<VecDeque<Day>>,
    shown: AtomicU32,
    replaced: AtomicU32,
    misbehaved: Arc<AtomicU32>,
    has_ended: AtomicBool,
}

impl GrowingLake {
    /// With one run of each entity; the next appears whenever little is left to be loaded.
    pub fn start(evo: &Evo, seed: u64, watch: &Arc<Watch>) -> Arc<Self> {
        let lake = Arc::new(Self {
            server: BlobServer::start(),
            hidden: Mutex::default(),
            shown: AtomicU32::new(0),
            replaced: AtomicU32::new(0),
            misbehaved: Arc::default(),
            has_ended: AtomicBool::new(false),
        });
        lake.write_ahead(evo, seed, AHEAD);
        lake.grow(&mut Dice(seed));
        let (growing, watch) = (Arc::clone(&lake), Arc::clone(watch));
        let (dir, mut dice) = (evo.lake(), Dice(seed ^ 1));
        std::thread::spawn(move || {
            let mut runs = AHEAD;
            while !growing.has_ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                if watch.waiting().is_some_and(|objects| objects < 10) {
                    growing.grow(&mut dice);
                }
                if growing.hidden.lock().unwrap().len() < 5 {
                    runs += AHEAD;
                    growing.read(&dir, runs, || {
                        let mut command = crate::support::binary(dir.parent().unwrap());
                        generate(&mut command, &dir, seed, runs);
                    });
                }
            }
        });
        lake
    }

    fn write_ahead(&self, evo: &Evo, seed: u64, runs: u32) {
        let dir = evo.lake();
        self.read(&dir, runs, || generate(&mut crate::support::binary(evo.dir.path()), &dir, seed, runs));
    }

    /// Takes in the runs that were not there before.
    fn read(&self, dir: &Path, runs: u32, write: impl FnOnce()) {
        write();
        let mut days: BTreeMap<String, Day> = BTreeMap::new();
        for path in files(dir) {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let day = name.split("ingestion_date=").nth(1).unwrap()[..10].to_owned();
            days.entry(day).or_default().push((name, std::fs::read(&path).unwrap()));
        }
        assert_eq!(days.len() as u32, runs);
        let mut hidden = self.hidden.lock().unwrap();
        let known = self.shown.load(Ordering::Relaxed) as usize + hidden.len();
        for (_, mut objects) in days.into_iter().skip(known) {
            objects.sort_by_key(|(name, _)| name.ends_with("_manifest.json"));
            hidden.push_back(objects);
        }
    }

    /// Shows the next run, in two halves.
    fn grow(&self, dice: &mut Dice) {
        let Some(objects) = self.hidden.lock().unwrap().pop_front() else { return };
        let half = dice.index(objects.len());
        for (i, (path, bytes)) in objects.iter().enumerate() {
            if i == half {
                std::thread::sleep(Duration::from_millis(300));
            }
            self.server.put(path, bytes);
        }
        self.shown.fetch_add(1, Ordering::Relaxed);
    }

    pub fn stop_growing(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
        // A run that is being shown shall be shown whole.
        std::thread::sleep(Duration::from_secs(1));
    }

    pub fn shown(&self) -> u32 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Replaces an object by one with the same lines and a new one.
    pub fn replace(&self, path: &str) {
        let Some(mut bytes) = self.server.content(path) else { return };
        let number = self.replaced.fetch_add(1, Ordering::Relaxed);
        bytes.extend(gz(format!("\n{{\"idSale\": {}, \"observations\": \"late\"}}", 900_000_000 + number).as_bytes()));
        self.server.put(path, &bytes);
    }

    /// Answers some requests for objects in this way from now on.
    pub fn misbehave(&self, share: u64, act: Act) {
        self.misbehaved.store(0, Ordering::Relaxed);
        let (misbehaved, dice) = (Arc::clone(&self.misbehaved), Mutex::new(Dice(7)));
        self.server.script(move |request| {
            if request.blob.is_none() || dice.lock().unwrap().roll(share) != 0 {
                return Act::Serve;
            }
            misbehaved.fetch_add(1, Ordering::Relaxed);
            act.clone()
        });
    }

    /// Serves as it should again; returns how often it did not.
    pub fn behave(&self) -> u32 {
        self.server.script(|_| Act::Serve);
        self.misbehaved.swap(0, Ordering::Relaxed)
    }
}

/// Ways to misbehave.
pub(super) fn misdeeds() -> Vec<Act> {
    let busy = |status: u16| Act::Answer(status, vec![("Retry-After", "1".to_owned())], String::new());
    let cut = [End::Fin, End::Rst, End::Hang].map(|end| Act::Cut(300, end));
    [busy(503), busy(429), Act::Answer(500, Vec::new(), String::new()), Act::Short(300, None)]
        .into_iter()
        .chain(cut)
        .collect()
}

fn generate(command: &mut std::process::Command, dir: &Path, seed: u64, runs: u32) {
    let records = "members=120,sales=400,entries=600,prospects=120";
    let output = command
        .args(["generate", "all", "--records", records, "--part-records", "30", "--start-date", "2025-11-15"])
        .args(["--changed", "15%", "--new", "3%", "--duplicates", "2%", "--broken", "1%", "--misfits", "1%"])
        .args(["--seed", &seed.to_string(), "--runs", &runs.to_string(), "--lake", dir.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}
