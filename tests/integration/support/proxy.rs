//! A TCP proxy in front of a server that breaks connections at a chosen place of the protocol.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::server::free_port;
use super::{Database, cluster};

/// The bytes of a COMMIT in the simple protocol.
pub const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// The message that executes a statement with parameters.
pub const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
/// The beginning of a batch's COPY.
pub const COPY: &[u8] = b" from stdin (format binary)";

/// The first bytes of the data of a COPY: the server has begun it.
pub const COPY_DATA: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// What happens to a connection on which a place is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// What reached the place, and everything after it in both directions, waits for [`Proxy::release`].
    Hold,
    /// Waits for [`Proxy::release`] like `Hold`; then the place is passed on, and the client gets an RST.
    Reset,
    /// The place is passed on, its answer is not, and the client gets an RST.
    Swallow,
    /// The place is passed on, the rest of both directions vanishes, and the connection stays open.
    Vanish,
    /// The place and its answer are passed on; a moment later the client gets an RST, and the server never
    /// hears of it.
    Orphan,
}

struct Rule {
    place: &'static [u8],
    nth: u32,
    fault: Fault,
    seen: AtomicU32,
    fired: AtomicBool,
    /// The struck connection's port at the server.
    port: AtomicU16,
}

#[derive(Default)]
struct State {
    target: AtomicU16,
    rules: Mutex<Vec<Arc<Rule>>>,
    clients: Mutex<Vec<(TcpStream, Weak<Link>)>>,
    accepted: AtomicU32,
    stalled: AtomicBool,
    released: AtomicU32,
    closed: AtomicBool,
    seen: Mutex<Vec<(&'static [u8], u32)>>,
}

/// A proxy at a port of its own.
pub struct Proxy {
    address: String,
    pub port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// In front of a port of this machine.
    pub fn to(target: u16) -> Self {
        Self::at("127.0.0.1", free_port(), target)
    }

    /// At another address of the loopback network.
    pub fn at(address: &str, port: u16, target: u16) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let state = Arc::new(State::default());
        state.target.store(target, Ordering::Relaxed);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.closed.load(Ordering::Relaxed) {
                    return;
                }
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                let target = shared.target.load(Ordering::Relaxed);
                // A server that refuses is passed on as a refusal.
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    reset(&client);
                    continue;
                };
                connect(client, server, &shared);
            }
        });
        Self { address: address.to_owned(), port, state }
    }

    /// In front of the server of a test's database.
    pub fn before(db: &Database) -> Self {
        Self::to(split(&db.url).1.parse().unwrap())
    }

    /// The way through it to a database of its server. It has to understand what passes; the servers of a
    /// cluster encrypt it if they may.
    pub fn url(&self, db: &Database) -> String {
        let (before, _, name) = split(&db.url);
        let unencrypted = if cluster::is_cluster() { "?sslmode=disable" } else { "" };
        format!("{before}:{}/{name}{unencrypted}", self.port)
    }

    /// Sends new connections somewhere else, as a name does that points to another server.
    pub fn retarget(&self, target: u16) {
        self.state.target.store(target, Ordering::Relaxed);
    }

    /// Breaks the connection on which `place` is reached for the `nth` time of all connections.
    pub fn when(&self, place: &'static [u8], nth: u32, fault: Fault) {
        let (seen, fired, port) = Default::default();
        let rule = Rule { place, nth, fault, seen, fired, port };
        self.state.rules.lock().unwrap().push(Arc::new(rule));
    }

    /// Whether every rule has struck.
    pub fn has_struck(&self) -> bool {
        self.state.rules.lock().unwrap().iter().all(|rule| rule.fired.load(Ordering::Relaxed))
    }

    /// Drops the rules, whether they struck or not.
    pub fn forget(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// The port that the server sees on the connection that the last rule struck: `client_port` in
    /// `pg_stat_activity`.
    pub fn struck_port(&self) -> u16 {
        self.state.rules.lock().unwrap().last().map_or(0, |rule| rule.port.load(Ordering::Relaxed))
    }

    /// Waits until every rule has struck.
    #[track_caller]
    pub fn wait(&self) {
        super::server::eventually("the proxy's rule", || self.has_struck());
    }

    /// Passes on what is held now. What is held later waits for another release.
    pub fn release(&self) {
        self.state.released.fetch_add(1, Ordering::Relaxed);
    }

    /// Forwards nothing on any connection, new ones included, or goes on.
    pub fn stall(&self, stalled: bool) {
        self.state.stalled.store(stalled, Ordering::Relaxed);
    }

    /// Resets every connection. Returns how many there were.
    pub fn cut(&self) -> usize {
        let clients: Vec<_> = self.state.clients.lock().unwrap().drain(..).collect();
        let open = clients.iter().filter(|(_, link)| link.strong_count() > 0);
        open.map(|(client, _)| reset(client)).count()
    }

    /// Resets the connection that the last rule struck, for its client alone: the server hears nothing of it.
    pub fn cut_struck(&self) {
        let port = self.struck_port();
        let clients = self.state.clients.lock().unwrap();
        let is_struck =
            |link: &Weak<Link>| link.upgrade().is_some_and(|link| link.port.load(Ordering::Relaxed) == port);
        clients.iter().filter(|(_, link)| is_struck(link)).for_each(|(client, _)| reset(client));
    }

    /// How often clients sent `COPY`, `COMMIT` or `EXECUTE`.
    pub fn count(&self, place: &[u8]) -> u32 {
        self.state.seen.lock().unwrap().iter().find(|(name, _)| *name == place).map_or(0, |(_, n)| *n)
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u32 {
        self.state.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Relaxed);
        self.cut();
        let _ = TcpStream::connect((self.address.as_str(), self.port));
    }
}

/// Everything before the port, the port, and the database.
fn split(url: &str) -> (&str, &str, &str) {
    let (before, behind) = url.rsplit_once(':').unwrap();
    let (port, name) = behind.split_once('/').unwrap();
    (before, port, name)
}

/// What befell one connection.
#[derive(Default)]
struct Link {
    /// The number of the release that it waits for.
    held: AtomicU32,
    mute: AtomicBool,
    deaf: AtomicBool,
    /// Its port at the server, once it was struck.
    port: AtomicU16,
}

fn connect(client: TcpStream, server: TcpStream, state: &Arc<State>) {
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let link = Arc::new(Link::default());
    {
        let mut clients = state.clients.lock().unwrap();
        clients.retain(|(_, link)| link.strong_count() > 0);
        clients.push((client.try_clone().unwrap(), Arc::downgrade(&link)));
    }
    let (c, s) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (up, up_link) = (Arc::clone(state), Arc::clone(&link));
    std::thread::spawn(move || upward(client, server, &up, &up_link));
    let down = Arc::clone(state);
    std::thread::spawn(move || downward(s, c, &down, &link));
}

/// Client to server: where the places are looked for.
fn upward(mut client: TcpStream, mut server: TcpStream, state: &State, link: &Link) {
    let mut buffer = vec![0; 64 * 1024];
    let mut tail: Vec<u8> = Vec::new();
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        wait(state, link);
        // A place may lie across two reads.
        let begun = tail.len();
        tail.extend_from_slice(&buffer[..n]);
        for place in [COPY, COMMIT, EXECUTE] {
            let times = occurrences(&tail, begun, place);
            let mut seen = state.seen.lock().unwrap();
            match seen.iter_mut().find(|(name, _)| *name == place) {
                Some((_, count)) => *count += times,
                None => seen.push((place, times)),
            }
        }
        let rules = state.rules.lock().unwrap().clone();
        let struck = rules.iter().find(|rule| {
            let times = occurrences(&tail, begun, rule.place);
            let before = rule.seen.fetch_add(times, Ordering::Relaxed);
            (before + 1..=before + times).contains(&rule.nth)
        });
        tail.drain(..tail.len().saturating_sub(31));
        if let Some(rule) = struck {
            if matches!(rule.fault, Fault::Hold | Fault::Reset) {
                link.held.store(state.released.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
            link.mute.store(!matches!(rule.fault, Fault::Hold | Fault::Orphan), Ordering::Relaxed);
            let port = server.local_addr().map_or(0, |address| address.port());
            rule.port.store(port, Ordering::Relaxed);
            link.port.store(port, Ordering::Relaxed);
            rule.fired.store(true, Ordering::Relaxed);
            wait(state, link);
        }
        if link.deaf.load(Ordering::Relaxed) {
            continue;
        }
        if server.write_all(&buffer[..n]).is_err() {
            break;
        }
        match struck.map(|rule| rule.fault) {
            Some(Fault::Reset) => reset(&client),
            Some(Fault::Swallow) => {
                // Long enough for the server to have done what it was asked.
                std::thread::sleep(Duration::from_millis(300));
                reset(&client);
            }
            Some(Fault::Orphan) => {
                std::thread::sleep(Duration::from_millis(300));
                link.mute.store(true, Ordering::Relaxed);
                reset(&client);
                return;
            }
            Some(Fault::Vanish) => link.deaf.store(true, Ordering::Relaxed),
            Some(Fault::Hold) | None => {}
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn downward(mut server: TcpStream, mut client: TcpStream, state: &State, link: &Link) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        wait(state, link);
        if !link.mute.load(Ordering::Relaxed) && client.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    if link.mute.load(Ordering::Relaxed) {
        return;
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Waits while the connection is held or everything is stalled.
fn wait(state: &State, link: &Link) {
    let started = Instant::now();
    while state.stalled.load(Ordering::Relaxed)
        || link.held.load(Ordering::Relaxed) > state.released.load(Ordering::Relaxed)
    {
        if state.closed.load(Ordering::Relaxed) || started.elapsed() > Duration::from_secs(120) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How often `place` ends behind the first `begun` bytes.
fn occurrences(bytes: &[u8], begun: usize, place: &[u8]) -> u32 {
    let windows = bytes.windows(place.len()).enumerate();
    windows.filter(|(at, window)| *window == place && at + place.len() > begun).count() as u32
}

/// Ends a connection with an RST instead of a FIN.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Both);
}
