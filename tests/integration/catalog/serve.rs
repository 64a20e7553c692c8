//! `evo catalog --serve`: the files of the site and nothing else, again when something was loaded.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::warehouse;
use crate::support::Evo;

/// A server of one test.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn start(evo: &Evo) -> Self {
        let mut command = evo.command(&["catalog", "--out", "site", "--serve", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { process, address }
    }

    /// The head and the body of an answer.
    fn ask(&self, line: &str, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path}"), "127.0.0.1")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn pages_are_served_and_follow_what_is_loaded_until_a_signal() {
    let evo = warehouse();
    let mut served = Served::start(&evo);
    let (head, body) = served.get("/");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/html"), "{head}");
    assert!(body.contains("/-/live.js") && body.contains("</html>"), "{body}");
    assert!(!std::fs::read_to_string(evo.dir.path().join("site/index.html")).unwrap().contains("live.js"));
    assert!(served.get("/catalog.css").0.contains("text/css"));
    assert!(served.get("/icon.svg").0.contains("image/svg+xml"));
    for path in ["/../Cargo.toml", "/%2e%2e/x", "/.catalog-files", "/nothing.html", "/etc/passwd"] {
        assert!(served.get(path).0.starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(served.ask("POST /", "127.0.0.1").0.starts_with("HTTP/1.1 405"));
    assert!(served.ask("GET /", "evil.example").0.starts_with("HTTP/1.1 403"));
    let version = served.get("/-/version").1;
    evo.run(&["load", "members", "--all-runs"]).exits(0);
    let begun = Instant::now();
    while served.get("/-/version").1 == version {
        assert!(begun.elapsed().as_secs() < 60, "the pages do not follow");
        std::thread::sleep(Duration::from_millis(100));
    }
    let runs =
        std::fs::read_to_string(evo.dir.path().join("site/catalog.json")).unwrap().matches("\"execution_id\"").count();
    assert_eq!(runs.to_string(), evo.db.one("select count(*) from evo.runs"));
    kill(Pid::from_raw(i32::try_from(served.process.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(served.process.wait().unwrap().code(), Some(0));
}

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let evo = Evo::new();
    evo.run(&["catalog", "--serve", "0.0.0.0:0"]).exits(2).says("--serve: 0.0.0.0:0 is reached by other machines");
}
