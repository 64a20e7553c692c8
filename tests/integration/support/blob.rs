//! A blob service that misbehaves on command: just enough HTTP/1.1 for List Blobs and Get Blob, one script
//! per test.
//!
//! Real where it matters: a socket per connection, ranges, `If-Match`, paging, and bodies that end by FIN, by
//! RST, or not at all.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http::read_message;

/// The container that the server holds.
pub const CONTAINER: &str = "datalake";

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path below the host, without the query.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Path of the blob, for a GET of one.
    pub blob: Option<String>,
    /// From 1, among the requests for the same path.
    pub number: usize,
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// First byte asked for.
    pub fn start(&self) -> Option<usize> {
        self.header("range").strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// How a body ends before it is complete.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Fin,
    Rst,
    Hang,
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// What a blob service does.
    Serve,
    /// This answer.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The headers of the whole answer, but only this many bytes of its body.
    Cut(usize, End),
    /// A success with only this many bytes, complete as far as HTTP goes; with a Content-Range or without.
    Short(usize, Option<String>),
    /// The present version, whatever If-Match says.
    IgnoreIfMatch,
}

type Script = Box<dyn Fn(&Request) -> Act + Send + Sync>;

struct Shared {
    blobs: Mutex<BTreeMap<String, (Vec<u8>, usize)>>,
    script: Mutex<Arc<Script>>,
    seen: Mutex<Vec<Request>>,
    page: AtomicUsize,
}

/// The server; clones are the same one. It ends with the test's process.
#[derive(Clone)]
pub struct BlobServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl BlobServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let serve: Script = Box::new(|_| Act::Serve);
        let shared = Arc::new(Shared {
            blobs: Mutex::default(),
            script: Mutex::new(Arc::new(serve)),
            seen: Mutex::default(),
            page: AtomicUsize::new(5000),
        });
        let server = Self { address: listener.local_addr().unwrap(), shared };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                // A client that disconnects in the middle is part of the tests.
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a blob, as a new version if there is one.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut blobs = self.shared.blobs.lock().unwrap();
        let version = blobs.get(path).map_or(0, |(_, version)| version + 1);
        blobs.insert(path.to_owned(), (bytes.to_vec(), version));
    }

    /// The paths of all blobs.
    pub fn paths(&self) -> Vec<String> {
        self.shared.blobs.lock().unwrap().keys().cloned().collect()
    }

    /// A blob's present content.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.shared.blobs.lock().unwrap().get(path).map(|(bytes, _)| bytes.clone())
    }

    /// Deletes a blob.
    pub fn delete(&self, path: &str) {
        self.shared.blobs.lock().unwrap().remove(path);
    }

    /// What to do from now on; counting starts again.
    pub fn script(&self, script: impl Fn(&Request) -> Act + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(Box::new(script));
        self.shared.seen.lock().unwrap().clear();
    }

    /// Objects in a page of a listing.
    pub fn page(&self, objects: usize) {
        self.shared.page.store(objects, Ordering::Relaxed);
    }

    /// All requests since the script was set.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The requests for a blob.
    pub fn gets(&self, blob: &str) -> Vec<Request> {
        self.seen().into_iter().filter(|r| r.blob.as_deref() == Some(blob)).collect()
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut request = read_request(&mut reader)?;
            {
                let mut seen = self.shared.seen.lock().unwrap();
                request.number = 1 + seen.iter().filter(|r| r.path == request.path).count();
                seen.push(request.clone());
            }
            let script = self.shared.script.lock().unwrap().clone();
            self.answer(&stream, &request, script(&request))?;
        }
    }

    /// `None` closes the connection.
    fn answer(&self, mut stream: &TcpStream, request: &Request, act: Act) -> Option<()> {
        let whole = |act: &Act| match &request.blob {
            Some(blob) => self.get(blob, request, matches!(act, Act::IgnoreIfMatch)),
            None => self.list(&request.query),
        };
        let mut answer = match &act {
            Act::Answer(status, headers, body) => Answer {
                status: *status,
                headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
                body: body.clone().into_bytes(),
            },
            _ => whole(&act),
        };
        match act {
            Act::Short(bytes, content_range) => {
                answer.body.truncate(bytes);
                answer.headers.retain(|(name, _)| name != "Content-Range");
                answer.status = if content_range.is_some() { 206 } else { 200 };
                answer.headers.extend(content_range.map(|range| ("Content-Range".to_owned(), range)));
            }
            Act::Cut(bytes, end) => {
                stream.write_all(answer.head().as_bytes()).ok()?;
                stream.write_all(&answer.body[..bytes.min(answer.body.len())]).ok()?;
                stream.flush().ok()?;
                // What was sent shall have arrived before the end does.
                std::thread::sleep(Duration::from_millis(50));
                match end {
                    End::Fin => {}
                    End::Rst => reset_when_closed(stream),
                    End::Hang => while stream.read(&mut [0; 64]).is_ok_and(|n| n > 0) {},
                }
                return None;
            }
            _ => {}
        }
        stream.write_all(answer.head().as_bytes()).ok()?;
        stream.write_all(&answer.body).ok()
    }

    fn get(&self, blob: &str, request: &Request, any_version: bool) -> Answer {
        let blobs = self.shared.blobs.lock().unwrap();
        let Some((bytes, version)) = blobs.get(blob) else {
            return Answer::refusal(404, "BlobNotFound");
        };
        let etag = etag(blob, *version);
        let wanted = request.header("if-match").trim_matches('"');
        if !any_version && !wanted.is_empty() && wanted != etag {
            return Answer::refusal(412, "ConditionNotMet");
        }
        let mut headers = vec![
            ("ETag".to_owned(), format!("\"{etag}\"")),
            ("Last-Modified".to_owned(), "Sat, 10 Jan 2026 08:00:00 GMT".to_owned()),
        ];
        match request.start() {
            Some(start) if start >= bytes.len() => Answer::refusal(416, "InvalidRange"),
            Some(start) => {
                headers
                    .push(("Content-Range".to_owned(), format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len())));
                Answer { status: 206, headers, body: bytes[start..].to_vec() }
            }
            None => Answer { status: 200, headers, body: bytes.clone() },
        }
    }

    fn list(&self, query: &str) -> Answer {
        let parameter = |name: &str| {
            let value = query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('='))?;
            Some(decoded(&value.replace('+', " ")))
        };
        let prefix = parameter("prefix").unwrap_or_default();
        let after = parameter("marker").unwrap_or_default();
        let page = self.shared.page.load(Ordering::Relaxed);
        let blobs = self.shared.blobs.lock().unwrap();
        let mut found = blobs.iter().filter(|(path, _)| path.starts_with(&prefix) && **path > after);
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>");
        let mut last = "";
        for (path, (bytes, version)) in found.by_ref().take(page) {
            xml.push_str(&format!(
                "<Blob>{}<Properties><Last-Modified>Sat, 10 Jan 2026 08:00:00 GMT</Last-Modified>\
                 <Etag>{}</Etag><Content-Length>{}</Content-Length><Content-Type>x</Content-Type></Properties></Blob>",
                name(path),
                etag(path, *version),
                bytes.len()
            ));
            last = path;
        }
        let next = if found.next().is_some() { last } else { "" };
        let next = escaped(next);
        xml.push_str(&format!("</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"));
        Answer { status: 200, headers: Vec::new(), body: xml.into_bytes() }
    }
}

/// A name in a listing. What XML cannot carry is encoded, and that is announced.
fn name(path: &str) -> String {
    let is_unfit = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}') || (c < ' ' && !matches!(c, '\t' | '\n' | '\r'));
    if !path.contains(is_unfit) {
        return format!("<Name>{}</Name>", escaped(path));
    }
    let encoded: String = path.bytes().map(|b| format!("%{b:02X}")).collect();
    format!("<Name Encoded=\"true\">{encoded}</Name>")
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '\t' | '\n' | '\r' => format!("&#x{:X};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, others)) = rest.split_first() {
        let code = others.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let (byte, after) = match (first, code) {
            (b'%', Some(byte)) => (byte, &others[2..]),
            _ => (first, others),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

fn etag(blob: &str, version: usize) -> String {
    format!("0x{:X}{version}", xxhash_rust::xxh3::xxh3_64(blob.as_bytes()) >> 8)
}

/// Closing the socket then sends RST instead of FIN.
fn reset_when_closed(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn refusal(status: u16, code: &str) -> Self {
        let headers = vec![("x-ms-error-code".to_owned(), code.to_owned())];
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
        Self { status, headers, body: body.into_bytes() }
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "\r\n"
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let (target, headers, body) = read_message(reader)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let blob = path.strip_prefix(&format!("/{CONTAINER}/")).map(decoded);
    Some(Request {
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        blob: blob.filter(|b| !b.is_empty()),
        number: 0,
        at: Instant::now(),
    })
}
