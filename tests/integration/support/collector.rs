//! A receiver of POST requests that behaves as a test wants: a collector of OpenTelemetry, a webhook.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Posted {
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Decompressed.
    pub body: Vec<u8>,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn decode<T: Message + Default + serde::de::DeserializeOwned>(&self) -> T {
        match self.header("content-type") {
            "application/x-protobuf" => T::decode(self.body.as_slice()).unwrap(),
            "application/json" => serde_json::from_slice(&self.body).unwrap(),
            other => panic!("{other}"),
        }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    Status(u16),
    /// It is read, and never answered.
    Hang,
}

type Script = Box<dyn Fn(usize) -> Reply + Send + Sync>;

/// The receiver. It ends with the test's process.
#[derive(Clone)]
pub struct Collector {
    address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Collector {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::scripted(|_| Reply::Status(200))
    }

    /// One whose reply depends on the number of the request, from 1.
    pub fn scripted(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self { address: listener.local_addr().unwrap(), posted: Arc::default() };
        let (posted, script): (_, Arc<Script>) = (Arc::clone(&collector.posted), Arc::new(Box::new(script)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (posted, script) = (Arc::clone(&posted), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, &posted, &script));
            }
        });
        collector
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was posted so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    fn of<T: Message + Default + serde::de::DeserializeOwned>(&self, path: &str) -> Vec<T> {
        self.posted().iter().filter(|posted| posted.path.ends_with(path)).map(Posted::decode).collect()
    }

    /// The requests with metrics, in order.
    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.of("/v1/metrics")
    }

    /// The last values of all metrics, as sums over their points; a histogram's value is its count.
    pub fn values(&self) -> BTreeMap<String, f64> {
        let last = self.metrics().pop().expect("no metrics came");
        metrics_of(&last)
            .into_iter()
            .map(|metric| (metric.name.clone(), value_of(metric.data.as_ref().unwrap())))
            .collect()
    }

    /// The requests with spans, in order.
    pub fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.of("/v1/traces")
    }

    /// All spans.
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.traces().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// The metrics of a request.
pub fn metrics_of(request: &ExportMetricsServiceRequest) -> Vec<Metric> {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics.clone()).collect()
}

fn value_of(data: &metric::Data) -> f64 {
    let points = match data {
        metric::Data::Gauge(gauge) => &gauge.data_points,
        metric::Data::Sum(sum) => &sum.data_points,
        metric::Data::Histogram(histogram) => {
            return histogram.data_points.iter().map(|point| point.count as f64).sum();
        }
        other => panic!("{other:?}"),
    };
    let value = |value: &number_data_point::Value| match value {
        number_data_point::Value::AsDouble(n) => *n,
        number_data_point::Value::AsInt(n) => *n as f64,
    };
    points.iter().map(|point| value(point.value.as_ref().unwrap())).sum()
}

/// Attributes as texts.
pub fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    let shown = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.clone()).unwrap() {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(n) => n.to_string(),
        any_value::Value::BoolValue(b) => b.to_string(),
        any_value::Value::DoubleValue(n) => n.to_string(),
        other => panic!("{other:?}"),
    };
    of.iter().map(|pair| (pair.key.clone(), shown(&pair.value))).collect()
}

fn serve(stream: TcpStream, posted: &Mutex<Vec<Posted>>, script: &Script) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut posted = posted.lock().unwrap();
            posted.push(request);
            posted.len()
        };
        let status = match script(number) {
            Reply::Status(status) => status,
            // Until the client goes.
            Reply::Hang => return drop(reader.read_to_end(&mut Vec::new())),
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request on a connection; `None` when the client has gone.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Posted> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut inflated = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut inflated).unwrap();
        body = inflated;
    }
    Some(Posted { path, headers, body })
}
