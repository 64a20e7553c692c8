//! Watches the ledger from outside: what waits, and when the first batch was committed after each fault.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::server::url;

/// Without a commit for so long, although something waits and nothing is broken, the load is stuck.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Default)]
struct Seen {
    committed: u64,
    waiting: Option<u64>,
    open: Vec<(&'static str, Instant)>,
    recoveries: BTreeMap<&'static str, Duration>,
    problems: Vec<String>,
}

pub(super) struct Watch {
    port: AtomicU16,
    seen: Mutex<Seen>,
}

impl Watch {
    pub fn start(port: u16) -> Arc<Self> {
        let watch = Arc::new(Self { port: AtomicU16::new(port), seen: Mutex::default() });
        let own = Arc::downgrade(&watch);
        std::thread::spawn(move || {
            while let Some(watch) = own.upgrade() {
                watch.look();
                drop(watch);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        watch
    }

    /// Looks at another server from now on.
    pub fn follow(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }

    /// A fault that struck is over: the time until the next commit counts.
    pub fn lifted(&self, kind: &'static str) {
        self.seen.lock().unwrap().open.push((kind, Instant::now()));
    }

    fn look(&self) {
        let query = "set statement_timeout = '2s'; select (select count(*) from evo.batches where state = 'committed'),
             (select count(*) from evo.objects where state = 'pending')";
        let url = format!("{}?connect_timeout=2", url(self.port.load(Ordering::Relaxed), "postgres"));
        let rows = crate::support::try_sql(&url, query).unwrap_or_default();
        let Some(row) = rows.first() else { return };
        let (committed, waiting): (u64, u64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let mut seen = self.seen.lock().unwrap();
        let seen = &mut *seen;
        if committed != seen.committed {
            for (kind, since) in seen.open.drain(..) {
                let longest = seen.recoveries.entry(kind).or_default();
                *longest = since.elapsed().max(*longest);
            }
        }
        seen.committed = committed;
        seen.waiting = Some(waiting);
        if let Some((kind, since)) = seen.open.first().copied().filter(|(_, since)| since.elapsed() > PATIENCE) {
            eprintln!("PROBLEM no commit for {:?} after {kind}", since.elapsed());
            seen.problems.push(format!("no commit for {:?} after {kind}", since.elapsed()));
            seen.open.clear();
        }
    }

    /// Objects that are not loaded, when that could be seen.
    pub fn waiting(&self) -> Option<u64> {
        self.seen.lock().unwrap().waiting
    }

    pub fn committed(&self) -> u64 {
        self.seen.lock().unwrap().committed
    }

    /// Whether the last commits were seen: nothing waits, and no fault is open or nothing more will come.
    pub fn is_quiet(&self) -> bool {
        let mut seen = self.seen.lock().unwrap();
        let is_quiet = seen.waiting == Some(0);
        if is_quiet {
            seen.open.clear();
        }
        is_quiet
    }

    pub fn recoveries(&self) -> BTreeMap<&'static str, Duration> {
        self.seen.lock().unwrap().recoveries.clone()
    }

    pub fn problems(&self) -> Vec<String> {
        self.seen.lock().unwrap().problems.clone()
    }

    pub fn line(&self) -> String {
        let seen = self.seen.lock().unwrap();
        format!("{} batches in, {} objects wait", seen.committed, seen.waiting.unwrap_or_default())
    }
}
