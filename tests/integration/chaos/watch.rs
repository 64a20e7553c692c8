//! Watches the ledger from outside: what waits, and when the first batch was committed after each fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// After this long without a commit, the activity of all sessions is printed.
const SLOW: Duration = Duration::from_secs(8);
/// Without a commit for so long, although something waits and nothing is broken, the load is stuck.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Default)]
struct Seen {
    committed: u64,
    waiting: Option<u64>,
    open: Vec<(&'static str, Instant)>,
    recoveries: BTreeMap<&'static str, Duration>,
    problems: Vec<String>,
    /// Since when something waits and nothing is committed.
    idle_since: Option<Instant>,
    has_told: bool,
}

pub(super) struct Watch {
    url: Mutex<String>,
    seen: Mutex<Seen>,
}

impl Watch {
    pub fn start(url: String) -> Arc<Self> {
        let watch = Arc::new(Self { url: Mutex::new(url), seen: Mutex::default() });
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
    pub fn follow(&self, url: String) {
        *self.url.lock().unwrap() = url;
    }

    /// A fault that struck is over: the time until the next commit counts.
    pub fn lifted(&self, kind: &'static str) {
        self.seen.lock().unwrap().open.push((kind, Instant::now()));
    }

    fn look(&self) {
        let query = "set statement_timeout = '2s'; select (select count(*) from evo.batches where state = 'committed'),
             (select count(*) from evo.objects where state = 'pending')";
        let url = format!("{}?connect_timeout=2", self.url.lock().unwrap());
        let rows = crate::support::try_sql(&url, query).unwrap_or_default();
        let Some(row) = rows.first() else { return };
        let (committed, waiting): (u64, u64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let mut seen = self.seen.lock().unwrap();
        let seen = &mut *seen;
        if waiting == 0 {
            seen.idle_since = None;
        }
        let idle_since = *seen.idle_since.get_or_insert_with(Instant::now);
        if committed != seen.committed {
            for (kind, since) in seen.open.drain(..) {
                // Nothing can be committed while nothing waits.
                let took = since.max(idle_since).elapsed();
                let longest = seen.recoveries.entry(kind).or_default();
                *longest = took.max(*longest);
            }
        }
        if idle_since.elapsed() > SLOW && !seen.has_told {
            seen.has_told = true;
            eprintln!("no commit for {SLOW:?}, {waiting} objects wait\n{}", activity(&url));
        }
        if committed != seen.committed {
            seen.idle_since = Some(Instant::now());
            seen.has_told = false;
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

    /// Whether there was no commit for a while although something waits.
    pub fn is_slow(&self) -> bool {
        self.seen.lock().unwrap().idle_since.is_some_and(|since| since.elapsed() > SLOW / 2)
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

/// What sessions do and how batches stand.
fn activity(url: &str) -> String {
    let sessions = r"select pid, application_name, state, wait_event_type, wait_event, pg_blocking_pids(pid),
             clock_timestamp() - state_change, left(regexp_replace(query, '\s+', ' ', 'g'), 90)
         from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by 2";
    let batches =
        "select batch_id, entity, run_id, state, fence, attempt, execution_id, lease_until - clock_timestamp(),
             evo.is_running(execution_id)
         from evo.batches where state <> 'committed' order by 1 limit 12";
    let waiting = "select entity, run_id, count(*), count(batch_id) from evo.objects where state = 'pending' group by 1, 2 order by 1, 2";
    let rows = [sessions, batches, waiting].map(|query| crate::support::try_sql(url, query).unwrap_or_default());
    rows.concat().iter().map(|row| format!("    {}", row.join(" | "))).collect::<Vec<_>>().join("\n")
}
