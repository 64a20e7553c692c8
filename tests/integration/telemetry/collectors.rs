//! Collectors that are slow, wrong or not there: a job ends as it would without them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{load, prepared};
use crate::support::{Collector, Reply, counts};

/// What a load came to with a collector at this address, and what it logged.
fn outcome(url: &str) -> (String, String) {
    let evo = prepared();
    let run = load(&evo, &[("EVO_OTLP_ENDPOINT", url), ("EVO_OUTPUT", "json")]).exits(0);
    assert_eq!(evo.db.one("select count(*) from evo.runs where state = 'succeeded'"), "1");
    (counts(&run.json()["entities"][0]), run.stderr)
}

/// An address that swallows connections: its queue is full, so that the system drops the first packet of
/// each.
struct BlackHole {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
        let queued = std::iter::from_fn(connect).take(64).collect::<Vec<_>>();
        assert!(queued.len() < 64, "the queue does not fill");
        Self { listener, _queued: queued }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }
}

#[test]
fn a_collector_that_refuses_hangs_or_is_not_there_costs_a_warning() {
    let expected = "2/0/0/0/1 of 3";
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wrong = Collector::scripted(|_| Reply::Status(404));
    let busy = Collector::scripted(|_| Reply::Status(503));
    let hangs = Collector::scripted(|_| Reply::Hang);
    let hole = BlackHole::new();
    for (url, reason) in [
        (format!("http://{closed}"), "it cannot be reached"),
        (wrong.url(), "it answers 404"),
        (busy.url(), "it answers 503"),
        ("http://no-such-host.invalid:4318".to_owned(), "it cannot be reached"),
        (hangs.url(), "it does not answer in time"),
        (hole.url(), "it does not answer in time"),
    ] {
        let (counts, log) = outcome(&url);
        assert_eq!(counts, expected, "{url}");
        assert_eq!(log.matches("metrics do not reach the collector").count(), 1, "{url}: {log}");
        assert!(log.contains(reason) && log.contains("spans were lost"), "{url}: {log}");
        assert!(!log.contains("error:"), "{log}");
    }
}

#[test]
fn a_collector_that_was_busy_for_a_moment_gets_everything() {
    // The first request of all, metrics or spans, is refused; those that are sent again are taken.
    let collector = Collector::scripted(|number| Reply::Status(if number == 1 { 503 } else { 200 }));
    let evo = prepared();
    let mut command = evo.command(&["load", "sales", "--max-rejects", "50%"]);
    command.env("EVO_OTLP_ENDPOINT", collector.url()).env("EVO_METRICS_INTERVAL", "1s");
    command.env("EVO_FAILPOINTS", "load.before_commit=sleep(4000)@1");
    super::run(command, &[]).exits(0).says("the collector takes metrics again");
    assert_eq!(collector.values()["evo.lines"], 3.0);
    assert!(collector.spans().iter().any(|span| span.name == "evo load"));
}

#[test]
fn a_collector_that_never_answers_delays_the_end_by_the_grace_only() {
    let hangs = Collector::scripted(|_| Reply::Hang);
    let evo = prepared();
    let started = Instant::now();
    load(&evo, &[("EVO_OTLP_ENDPOINT", &hangs.url())]).exits(0);
    // Ten seconds is what the collector may take while a job runs; with a job this short it is not waited
    // for.
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    assert!(hangs.posted().len() <= 2, "one request of each signal at most");
}
