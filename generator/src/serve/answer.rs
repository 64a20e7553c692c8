//! Answers requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, DATE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::api::{ENDPOINTS, Endpoint};
use super::body::{Body, cut, instead, json_body, message};
use super::clock::Clock;
use super::data::{Cut, Data};
use super::fault::{Fault, Faults};
use super::fields::without;
use super::limit::Limits;
use super::query::Query;
use super::terms::{Served, Terms};
use crate::Plan;
use crate::doc::Doc;

/// The user that the vendor's endpoints take.
pub const USER: &str = "gym";
/// The password of [`USER`].
pub const PASSWORD: &str = "secret";
/// The bearer token that the second API takes.
pub const TOKEN: &str = "token-of-the-imitation";

/// `gym:secret` as basic authentication sends it.
const BASIC: &str = "Basic Z3ltOnNlY3JldA==";

/// Everything that a server knows and counts.
#[derive(Debug)]
pub(super) struct State {
    data: Data,
    limits: Limits,
    faults: Arc<Faults>,
    clock: Clock,
    latency: Duration,
    requests: AtomicU64,
    throttled: AtomicU64,
    records: AtomicU64,
}

impl State {
    pub(super) fn new(plan: &Plan, terms: Terms) -> Self {
        Self {
            data: Data::new(plan),
            limits: Limits::new(terms.limits),
            faults: terms.faults,
            clock: Clock::starting_at(terms.now),
            latency: terms.latency,
            requests: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            records: AtomicU64::new(0),
        }
    }

    pub(super) fn served(&self) -> Served {
        Served {
            requests: self.requests.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path.starts_with("/imitation") {
            return self.control(&path, request).await;
        }
        let mut response = self.data_answer(&path, &request).await;
        let date = self.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(DATE, date);
        }
        response
    }

    async fn data_answer(self: &Arc<Self>, path: &str, request: &Request<Incoming>) -> Response<Body> {
        let (endpoint, is_other) = match (endpoint(path), other_endpoint(path)) {
            (Some(endpoint), _) => (endpoint, false),
            (None, Some(endpoint)) => (endpoint, true),
            (None, None) => return message(StatusCode::NOT_FOUND, "No such resource."),
        };
        let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wanted = if is_other { format!("Bearer {TOKEN}") } else { BASIC.to_owned() };
        if given != wanted {
            return message(StatusCode::UNAUTHORIZED, "Authorization has been denied for this request.");
        }
        if let Err(wait) = self.limits.accept(self.clock.now()) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
            let mut response = message(StatusCode::TOO_MANY_REQUESTS, "API calls quota exceeded.");
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return response;
        }
        let text = request.uri().query().unwrap_or_default().to_owned();
        let faults = self.faults.next();
        let slow = faults.iter().filter_map(|fault| if let Fault::Slow(time) = fault { Some(*time) } else { None });
        tokio::time::sleep(self.latency + slow.sum::<Duration>()).await;
        if let Some(response) = faults.iter().find_map(|fault| instead(*fault)) {
            return response;
        }
        let state = Arc::clone(self);
        let is_cut = faults.contains(&Fault::Cut);
        let page = tokio::task::spawn_blocking(move || match is_other {
            true => state.other_page(endpoint, &Query::parse(&text), &faults),
            false => state.page(endpoint, &Query::parse(&text), &faults),
        });
        match page.await {
            Ok(Ok(page)) if is_cut => cut(page),
            Ok(Ok(page)) => json_body(StatusCode::OK, page),
            Ok(Err(text)) => message(StatusCode::BAD_REQUEST, &text),
            Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "An error has occurred."),
        }
    }

    /// A page as the vendor answers it: a bare array.
    fn page(&self, endpoint: &Endpoint, query: &Query<'_>, faults: &[Fault]) -> Result<Vec<u8>, String> {
        let take = query.number("take", endpoint.default_take)?.min(endpoint.max_take);
        let cut = self.cut(endpoint, query, faults, (query.number("skip", 0)?, take))?;
        let hidden: Vec<&str> = endpoint
            .on_request
            .iter()
            .filter(|(parameter, _)| query.get(parameter) != Some("true"))
            .map(|(_, field)| *field)
            .collect();
        // The whole page grows in one place: a document is a few kilobytes.
        let mut doc = Doc { out: Vec::with_capacity(cut.indexes.len() * 3_000 + 2), ..Doc::default() };
        doc.out.push(b'[');
        for (i, index) in cut.indexes.iter().enumerate() {
            if i > 0 {
                doc.out.push(b',');
            }
            let begin = doc.out.len();
            self.data.append(&mut doc, endpoint.entity, cut.run, *index);
            if !hidden.is_empty() {
                let shown = without(&doc.out[begin..], &hidden)?;
                doc.out.truncate(begin);
                doc.out.extend_from_slice(&shown);
            }
        }
        doc.out.push(b']');
        Ok(doc.out)
    }

    /// A page as a different API answers it: pretty-printed, the records under `results`, a cursor to the
    /// next.
    fn other_page(&self, endpoint: &Endpoint, query: &Query<'_>, faults: &[Fault]) -> Result<Vec<u8>, String> {
        let (limit, after) = (query.number("limit", 20)?.clamp(1, 100), query.number("after", 0)?);
        let cut = self.cut(endpoint, query, faults, (after, limit))?;
        let next = after + cut.indexes.len() as u64;
        let document = |index: &u64| self.data.document(endpoint.entity, cut.run, *index);
        let records: Vec<Value> =
            cut.indexes.iter().filter_map(|index| serde_json::from_slice(&document(index)).ok()).collect();
        let is_last = records.is_empty();
        let paging = if is_last { Value::Null } else { json!({ "next": { "after": next.to_string() } }) };
        let page = json!({ "total": null, "results": records, "paging": paging });
        serde_json::to_vec_pretty(&page).map_err(|e| e.to_string())
    }

    /// The records of a page, from a first one on and at most so many, after the faults have had their way.
    fn cut(&self, endpoint: &Endpoint, query: &Query<'_>, faults: &[Fault], range: (u64, u64)) -> Result<Cut, String> {
        let now = self.clock.now();
        for fault in faults {
            match fault {
                Fault::Remove => self.data.remove(endpoint, query, now)?,
                Fault::Insert => self.data.insert(endpoint),
                _ => {}
            }
        }
        let cut = self.data.page(endpoint, query, now, range)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(cut.indexes.len() as u64, Ordering::Relaxed);
        Ok(cut)
    }

    /// Requests by which tests read and set the counts, the faults and the clock.
    async fn control(&self, path: &str, request: Request<Incoming>) -> Response<Body> {
        let method = request.method().clone();
        let text = match request.into_body().collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
            Err(_) => return message(StatusCode::BAD_REQUEST, "The body was cut."),
        };
        let set = match (method, path) {
            (Method::GET, "/imitation") => Ok(()),
            (Method::POST, "/imitation/faults") => self.faults.set(&text),
            (Method::POST, "/imitation/clock") => {
                text.parse().map(|now| self.clock.set(now)).map_err(|_| "expected 2026-01-10T12:00:00Z".to_owned())
            }
            _ => Err("expected GET /imitation, POST /imitation/faults or POST /imitation/clock".to_owned()),
        };
        let served = self.served();
        match set {
            Err(text) => message(StatusCode::BAD_REQUEST, &text),
            Ok(()) => {
                let state = json!({
                    "now": self.clock.now(), "requests": served.requests, "throttled": served.throttled,
                    "records": served.records,
                });
                json_body(StatusCode::OK, state.to_string().into_bytes())
            }
        }
    }
}

fn endpoint(path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.path == path)
}

/// The same records below `/other/members` and so on.
fn other_endpoint(path: &str) -> Option<&'static Endpoint> {
    let name = path.strip_prefix("/other/")?;
    ENDPOINTS.iter().find(|endpoint| endpoint.entity.name() == name)
}
