//! An HTTP server of a few lines: each request is answered by a closure.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    /// Decoded.
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// From 1, among the requests for the same path.
    pub number: usize,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A parameter; empty where it is not given.
    pub fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// An answer: status, headers, body.
#[derive(Debug, Clone)]
pub struct HttpReply(pub u16, pub Vec<(&'static str, String)>, pub String);

impl HttpReply {
    pub fn json(value: &Value) -> Self {
        Self(200, Vec::new(), value.to_string())
    }

    pub fn status(status: u16) -> Self {
        Self(status, Vec::new(), "{}".to_owned())
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.1.push((name, value.into()));
        self
    }
}

type Answer = Box<dyn Fn(&Asked) -> HttpReply + Send + Sync>;

/// A running server; it ends with the test's process.
pub struct HttpServer {
    origin: String,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl HttpServer {
    pub fn start(answer: impl Fn(&Asked) -> HttpReply + Send + Sync + 'static) -> Self {
        Self::listen(None, Box::new(answer))
    }

    /// The same behind TLS, at `localhost`. Certificate and key are files in PEM.
    pub fn start_tls(
        (certificate, key): (&Path, &Path),
        answer: impl Fn(&Asked) -> HttpReply + Send + Sync + 'static,
    ) -> Self {
        let certificates = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = config.with_no_client_auth().with_single_cert(certificates, key).unwrap();
        Self::listen(Some(Arc::new(config)), Box::new(answer))
    }

    fn listen(tls: Option<Arc<ServerConfig>>, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let origin = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let server = Self { origin, seen: Arc::default() };
        let (seen, answer) = (Arc::clone(&server.seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer, tls) = (Arc::clone(&seen), Arc::clone(&answer), tls.clone());
                // A client that goes away is part of the tests.
                std::thread::spawn(move || match tls {
                    None => serve(stream, &seen, &**answer),
                    Some(tls) => serve(StreamOwned::new(ServerConnection::new(tls).ok()?, stream), &seen, &**answer),
                });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        self.origin.clone()
    }

    /// All requests for a path.
    pub fn seen(&self, path: &str) -> Vec<Asked> {
        self.seen.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

fn serve(stream: impl Read + Write, seen: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> HttpReply) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut asked = read_request(&mut reader)?;
        {
            let mut seen = seen.lock().unwrap();
            asked.number = 1 + seen.iter().filter(|other| other.path == asked.path).count();
            seen.push(asked.clone());
        }
        let HttpReply(status, headers, body) = answer(&asked);
        let mut head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        reader.get_mut().write_all(format!("{head}\r\n{body}").as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
    }
}

/// Target, headers and body of the next request; `None` once the client sends no more.
pub fn read_message(reader: &mut BufReader<impl Read>) -> Option<(String, BTreeMap<String, String>, Vec<u8>)> {
    let mut line = || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let target = line()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((target, headers, body))
}

fn read_request(reader: &mut BufReader<impl Read>) -> Option<Asked> {
    let (target, headers, body) = read_message(reader)?;
    let url = url::Url::parse(&format!("http://x{target}")).ok()?;
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let (path, body) = (url.path().to_owned(), String::from_utf8(body).ok()?);
    Some(Asked { path, query, headers, body, number: 0 })
}
