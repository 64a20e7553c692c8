//! Where an execution reports to while it runs: a file for Prometheus, a collector of OpenTelemetry.
//!
//! Settings of evo's own are checked like all others. The variables of OpenTelemetry come from the platform
//! as often as from the user, so a wrong one is a warning and switches off what it concerns: it never keeps
//! a job from running.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::environment::Environment;
use super::resolved::{Origin, Resolved, find};
use super::value::unexpected;
use crate::error::{Error, Result};

/// How long the collector may take to answer, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const ANSWER: Duration = Duration::from_secs(10);

/// A kind of data that is sent to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpSignal {
    /// Metrics.
    Metrics,
    /// Spans.
    Traces,
}

impl OtlpSignal {
    /// Its part of the names of variables.
    fn variable(self) -> &'static str {
        match self {
            OtlpSignal::Metrics => "METRICS",
            OtlpSignal::Traces => "TRACES",
        }
    }

    /// Its path below the collector's address.
    fn path(self) -> &'static str {
        match self {
            OtlpSignal::Metrics => "v1/metrics",
            OtlpSignal::Traces => "v1/traces",
        }
    }
}

/// How messages of OTLP are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpEncoding {
    /// `http/protobuf`.
    Protobuf,
    /// `http/json`.
    Json,
}

/// Where a signal is sent.
#[derive(Debug, Clone)]
pub struct OtlpTarget {
    /// The whole address. It may hold credentials: show [`OtlpTarget::host`].
    pub url: Url,
    /// Headers of each request. Debugging them shows no value.
    pub headers: HeaderMap,
    /// How messages are written.
    pub encoding: OtlpEncoding,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// How long the collector may take to answer.
    pub timeout: Duration,
}

impl OtlpTarget {
    /// Host and port, for messages.
    pub fn host(&self) -> String {
        shown_host(&self.url)
    }
}

/// Where metrics and spans go, and what they say of this process.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// The file for Prometheus, or a folder for it, which then exists.
    pub metrics_file: Option<PathBuf>,
    /// How often a running job writes that file and sends its metrics.
    pub interval: Duration,
    /// Where metrics are sent.
    pub metrics: Option<OtlpTarget>,
    /// Where spans are sent.
    pub traces: Option<OtlpTarget>,
    /// `service.name`.
    pub service_name: String,
    /// `host.name`; `None` where the platform gives none.
    pub host_name: Option<String>,
    /// Attributes of `OTEL_RESOURCE_ATTRIBUTES`.
    pub resource: Vec<(String, String)>,
    /// `TRACEPARENT`, as it came.
    pub trace_parent: Option<String>,
    /// `TRACESTATE`, as it came.
    pub trace_state: Option<String>,
    /// Mistakes in the variables of OpenTelemetry, a sentence each.
    pub warnings: Vec<String>,
}

impl Telemetry {
    /// Whether anything is to be written or sent while a job runs.
    pub fn is_wanted(&self) -> bool {
        self.metrics_file.is_some() || self.metrics.is_some() || self.traces.is_some()
    }
}

/// Reads settings and variables.
///
/// # Errors
/// `Config` or `Usage` for a setting of evo's own that is not understood.
pub(super) fn read(all: &[Resolved], environment: &Environment) -> Result<Telemetry> {
    let own = find(all, "otlp_endpoint")?;
    let own = own.text.is_some().then(|| own.parse(|text| address(text).ok_or_else(not_an_address))).transpose()?;
    let mut found = Otel { environment, own, warnings: Vec::new() };
    let is_disabled = environment.get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let target = |found: &mut Otel<'_>, signal| if is_disabled { None } else { found.target(signal) };
    let (metrics, traces) = (target(&mut found, OtlpSignal::Metrics), target(&mut found, OtlpSignal::Traces));
    let mut resource = found.pairs("OTEL_RESOURCE_ATTRIBUTES");
    let named = resource.iter().position(|(key, _)| key == "service.name").map(|at| resource.remove(at).1);
    let service_name = environment.get("OTEL_SERVICE_NAME").map(str::to_owned).or(named);
    let file = &find(all, "metrics_file")?.text;
    Ok(Telemetry {
        metrics_file: file.as_deref().map(|path| environment.directory.join(path)),
        interval: interval(all, environment)?,
        metrics,
        traces,
        service_name: service_name.unwrap_or_else(|| "evo".to_owned()),
        host_name: environment.host_name.clone(),
        resource,
        trace_parent: environment.get("TRACEPARENT").map(str::to_owned),
        trace_state: environment.get("TRACESTATE").map(str::to_owned),
        warnings: found.warnings,
    })
}

/// `metrics_interval`, else `OTEL_METRIC_EXPORT_INTERVAL` within the same range, else the default.
fn interval(all: &[Resolved], environment: &Environment) -> Result<Duration> {
    let setting = find(all, "metrics_interval")?;
    let own = setting.time()?;
    let given = environment.get("OTEL_METRIC_EXPORT_INTERVAL").and_then(|text| text.parse().ok());
    Ok(match (&setting.origin, given) {
        (Origin::Default, Some(ms)) => {
            Duration::from_millis(ms).clamp(Duration::from_secs(1), Duration::from_secs(3_600))
        }
        _ => own,
    })
}

/// An http or https address with a host.
pub(super) fn address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
}

/// Without the text: it may hold a credential.
fn not_an_address() -> Error {
    unexpected("an address such as http://localhost:4318", "something else")
}

/// Host and port of an address, without anything secret.
pub(super) fn shown_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The variables of OpenTelemetry.
struct Otel<'a> {
    environment: &'a Environment,
    /// Base address from evo's own setting.
    own: Option<Url>,
    warnings: Vec<String>,
}

impl Otel<'_> {
    /// The value of `OTEL_EXPORTER_OTLP_<SIGNAL>_<what>`, else of `OTEL_EXPORTER_OTLP_<what>`, and its name.
    fn option(&self, signal: OtlpSignal, what: &str) -> Option<(String, &str)> {
        let special = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable());
        let general = format!("OTEL_EXPORTER_OTLP_{what}");
        [special, general].into_iter().find_map(|name| {
            let value = self.environment.get(&name)?;
            Some((name, value))
        })
    }

    /// Where a signal goes; `None` where nothing says so, or what says so cannot be used.
    fn target(&mut self, signal: OtlpSignal) -> Option<OtlpTarget> {
        let url = self.url(signal)?;
        let exporter = format!("OTEL_{}_EXPORTER", signal.variable());
        if let Some(text) = self.environment.get(&exporter)
            && !text.split(',').any(|word| word.trim() == "otlp")
        {
            return None;
        }
        let encoding = match self.option(signal, "PROTOCOL").map(|(name, text)| (name, text.to_owned())) {
            None => OtlpEncoding::Protobuf,
            Some((_, text)) if text == "http/protobuf" => OtlpEncoding::Protobuf,
            Some((_, text)) if text == "http/json" => OtlpEncoding::Json,
            Some((name, _)) if self.own.is_some() && name.ends_with("_OTLP_PROTOCOL") => OtlpEncoding::Protobuf,
            Some((name, _)) => {
                let (what, which) = (signal.path().trim_start_matches("v1/"), "http/protobuf or http/json");
                self.warn(format!("{name}: {what} are not sent, because evo speaks {which} only"));
                return None;
            }
        };
        let gzip = self.option(signal, "COMPRESSION").is_some_and(|(_, text)| text == "gzip");
        let timeout = self.option(signal, "TIMEOUT").and_then(|(_, text)| text.parse().ok());
        let timeout = timeout.map_or(ANSWER, Duration::from_millis).clamp(Duration::from_millis(100), ANSWER * 6);
        let headers = self.headers(signal);
        Some(OtlpTarget { url, headers, encoding, gzip, timeout })
    }

    /// The signal's own address as it is, else its path below the base address.
    fn url(&mut self, signal: OtlpSignal) -> Option<Url> {
        let below = |mut base: Url| {
            let path = format!("{}/{}", base.path().trim_end_matches('/'), signal.path());
            base.set_path(&path);
            base
        };
        if let Some(own) = &self.own {
            return Some(below(own.clone()));
        }
        let (name, text) = self.option(signal, "ENDPOINT").map(|(name, text)| (name, text.to_owned()))?;
        match address(&text) {
            Some(url) if name == "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(below(url)),
            Some(url) => Some(url),
            None => {
                self.warn(format!("{name} is not an http or https address: nothing is sent there"));
                None
            }
        }
    }

    fn headers(&mut self, signal: OtlpSignal) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some(name) = self.option(signal, "HEADERS").map(|(name, _)| name) else { return headers };
        for (key, value) in self.pairs(&name) {
            match (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
                (Ok(key), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(key, value);
                }
                _ => self.warn(format!("{name} has a header that cannot be sent; it is left out")),
            }
        }
        headers
    }

    /// A variable of the form `key=value,key=value`, its values percent-encoded.
    fn pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let environment = self.environment;
        let text = environment.get(name).unwrap_or_default();
        let mut pairs = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => {
                    let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
                    pairs.push((key.trim().to_owned(), value));
                }
                _ => self.warn(format!("{name} has an entry that is not key=value; it is left out")),
            }
        }
        pairs
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GlobalArgs, Settings};

    fn resolve<const N: usize>(variables: [(&str, &str); N]) -> Result<Telemetry> {
        let mut environment = Environment::from(variables);
        environment.directory = PathBuf::from("/nowhere");
        Settings::resolve(&GlobalArgs::default(), &environment).map(|settings| settings.telemetry)
    }

    fn urls(telemetry: &Telemetry) -> [Option<String>; 2] {
        [&telemetry.metrics, &telemetry.traces].map(|target| target.as_ref().map(|target| target.url.to_string()))
    }

    #[test]
    fn a_base_address_gets_the_path_of_each_signal_and_an_address_of_its_own_stays() {
        assert_eq!(urls(&resolve([]).unwrap()), [None, None]);
        let base = resolve([("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/otlp/")]).unwrap();
        let expected = ["http://collector:4318/otlp/v1/metrics", "http://collector:4318/otlp/v1/traces"];
        assert_eq!(urls(&base), expected.map(|url| Some(url.to_owned())));
        let special = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example/x");
        assert_eq!(urls(&resolve([special]).unwrap()), [None, Some("https://traces.example/x".to_owned())]);
        let own = ("EVO_OTLP_ENDPOINT", "http://own:1");
        assert_eq!(urls(&resolve([own, special]).unwrap())[1].as_deref(), Some("http://own:1/v1/traces"));
    }

    #[test]
    fn the_platforms_variables_never_keep_a_job_from_running_and_evos_own_are_checked() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
        for (variables, says) in [
            ([base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "http/protobuf or http/json only"),
            ([("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"), ("X", "")], "not an http or https address"),
            ([("X", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://hunter2")], "not an http or https address"),
        ] {
            let found = resolve(variables).unwrap();
            assert_eq!(urls(&found), [None, None]);
            assert!(found.warnings.iter().any(|w| w.contains(says) && !w.contains("hunter2")), "{:?}", found.warnings);
        }
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "none")] {
            assert_eq!(urls(&resolve([base, off]).unwrap())[0], None, "{off:?}");
        }
        let error = resolve([("EVO_OTLP_ENDPOINT", "hunter2:4318")]).unwrap_err();
        assert!(error.message().contains("EVO_OTLP_ENDPOINT") && !error.render().contains("hunter2"), "{error}");
        // The platform's agent may speak gRPC while the collector that was named for evo does not.
        let own = [("EVO_OTLP_ENDPOINT", "http://own:4318"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert!(resolve(own).unwrap().traces.is_some());
    }

    #[test]
    fn headers_are_decoded_and_never_shown_and_the_service_has_a_name() {
        let found = resolve([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2, x-team = data,broken"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.name=warehouse"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ])
        .unwrap();
        let target = found.metrics.clone().unwrap();
        assert_eq!(target.headers["authorization"], "Bearer hunter2");
        assert_eq!((target.headers["x-team"].to_str().unwrap(), target.timeout.as_millis()), ("data", 2_500));
        assert!(!format!("{found:?}").contains("hunter2"));
        assert_eq!(found.service_name, "warehouse");
        assert_eq!(found.resource, [("deployment.environment.name".to_owned(), "prod".to_owned())]);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    }
}
