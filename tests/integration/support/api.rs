//! The imitation of the vendor's API, as a process of the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::binary;

/// `gym:secret` in base64.
const BASIC: &str = "Basic Z3ltOnNlY3JldA==";

/// A running imitation, ended when dropped.
pub struct Api {
    child: Child,
    /// `http://127.0.0.1:40123`.
    pub url: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn records(&self) -> usize {
        self.json().as_array().unwrap().len()
    }
}

impl Api {
    /// Serves the world that `evo generate` would write with these flags.
    pub fn serve(dir: &Path, flags: &[&str]) -> Self {
        let mut command = binary(dir);
        command.args(["generate", "--serve", "127.0.0.1:0"]).args(flags).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "the imitation did not start: {url:?}");
        Self { child, url: url.trim().to_owned() }
    }

    /// As the vendor's user.
    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nAuthorization: {BASIC}\r\n"), "")
    }

    pub fn ask(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        let length = body.len();
        write!(stream, "{head}Host: api\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let at = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..at]).to_lowercase();
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: answer[at + 4..].to_vec() }
    }

    /// What goes wrong from now on.
    pub fn faults(&self, text: &str) {
        assert_eq!(self.ask("POST /imitation/faults HTTP/1.1\r\n", text).status, 200);
    }

    pub fn clock(&self, text: &str) {
        assert_eq!(self.ask("POST /imitation/clock HTTP/1.1\r\n", text).status, 200);
    }

    /// Requests that got a page.
    pub fn requests(&self) -> u64 {
        self.ask("GET /imitation HTTP/1.1\r\n", "").json()["requests"].as_u64().unwrap()
    }

    /// Requests that the limit refused.
    pub fn throttled(&self) -> u64 {
        self.ask("GET /imitation HTTP/1.1\r\n", "").json()["throttled"].as_u64().unwrap()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
