//! The site over HTTP, for the browsers of this machine: one task a connection, files of the site and nothing
//! else.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::paths::SitePath;
use crate::error::{Error, Kind, Result};

/// Loads a page again when the site has changed.
const LIVE: &str = include_str!("assets/live.js");

/// A server of one site, bound to an address of this machine.
#[derive(Debug)]
pub struct SiteServer {
    listener: TcpListener,
    site: Arc<ServedSite>,
}

/// What is served.
#[derive(Debug)]
struct ServedSite {
    root: PathBuf,
    version: AtomicU64,
}

/// Says that the site has changed.
#[derive(Debug, Clone)]
pub struct SiteVersion(Arc<ServedSite>);

impl SiteVersion {
    /// Pages that are open load themselves again.
    pub fn advance(&self) {
        self.0.version.fetch_add(1, Ordering::Relaxed);
    }
}

impl SiteServer {
    /// Binds to `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// `Usage` for an address that other machines reach, or that cannot be bound.
    pub async fn bind(address: SocketAddr, root: &Path) -> Result<Self> {
        if !address.ip().is_loopback() {
            let message = format!("--serve: {address} is reached by other machines, and there is no sign-in");
            return Err(Error::new(Kind::Usage, message)
                .hint("serve on 127.0.0.1:8080, or copy the folder to a web server of yours"));
        }
        let refused = |e| {
            Error::new(Kind::Usage, format!("--serve: cannot listen on {address}"))
                .caused_by(e)
                .hint("another port, or port 0 for a free one")
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let site = ServedSite { root: root.to_owned(), version: AtomicU64::new(0) };
        Ok(Self { listener, site: Arc::new(site) })
    }

    /// Where it listens; `None` when the system does not say.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The way to say that the site has changed.
    pub fn version(&self) -> SiteVersion {
        SiteVersion(Arc::clone(&self.site))
    }

    /// Serves until `stop` completes.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => return,
            };
            // A connection that is closed before it is accepted concerns nobody else.
            let Ok((stream, _)) = accepted else { continue };
            let site = Arc::clone(&self.site);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let site = Arc::clone(&site);
                    async move { Ok::<_, Infallible>(site.answer(&request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                // A browser that leaves ends here.
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}

impl ServedSite {
    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !is_this_machine(request.headers().get(HOST)) {
            return plain(StatusCode::FORBIDDEN, "only under 127.0.0.1 or localhost\n");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        match request.uri().path() {
            "/-/version" => plain(StatusCode::OK, &self.version.load(Ordering::Relaxed).to_string()),
            "/-/live.js" => reply(StatusCode::OK, "text/javascript; charset=utf-8", LIVE.to_owned().into_bytes()),
            "/" => self.file("index.html").await,
            path => self.file(path.trim_start_matches('/')).await,
        }
    }

    async fn file(&self, path: &str) -> Response<Full<Bytes>> {
        let found = match SitePath::listed(path) {
            Some(path) => tokio::fs::read(self.root.join(path.as_str())).await.ok(),
            None => None,
        };
        let Some(bytes) = found else { return plain(StatusCode::NOT_FOUND, "there is no such page\n") };
        match path.rsplit('.').next() {
            Some("html") => reply(StatusCode::OK, "text/html; charset=utf-8", live(bytes)),
            Some("css") => reply(StatusCode::OK, "text/css; charset=utf-8", bytes),
            Some("js") => reply(StatusCode::OK, "text/javascript; charset=utf-8", bytes),
            Some("svg") => reply(StatusCode::OK, "image/svg+xml", bytes),
            Some("json") => reply(StatusCode::OK, "application/json", bytes),
            _ => reply(StatusCode::OK, "text/plain; charset=utf-8", bytes),
        }
    }
}

/// Whether a request was sent to a name of this machine: a foreign name that resolves to it belongs to a
/// foreign page.
fn is_this_machine(host: Option<&HeaderValue>) -> bool {
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The page with the script that loads it again.
fn live(page: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(page) {
        Ok(text) => text.replacen("</head>", "<script defer src=\"/-/live.js\"></script></head>", 1).into_bytes(),
        Err(e) => e.into_bytes(),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    reply(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

fn reply(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    for (name, value) in [
        ("content-type", kind),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", "frame-ancestors 'none'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_of_this_machine_is_refused() {
        let is_own = |host: &str| is_this_machine(HeaderValue::from_str(host).ok().as_ref());
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:80"] {
            assert!(is_own(host), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:80", "10.0.0.1", "[2001:db8::1]", "", "127.0.0.1.evil.example"]
        {
            assert!(!is_own(host), "{host}");
        }
        assert!(!is_this_machine(None));
    }

    #[tokio::test]
    async fn other_machines_are_not_served() {
        let error = SiteServer::bind("0.0.0.0:0".parse().unwrap(), Path::new(".")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().starts_with("--serve: 0.0.0.0:0"), "{}", error.message());
    }
}
