//! The reporting of one execution, from its beginning to its end.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::runtime::Runtime;
use tracing_subscriber::Layer;

use super::exporter::{Destinations, Exporter};
use super::notify::{self, Ending};
use super::otlp::OtlpClient;
use super::resource::{Attribute, Resource};
use super::spans::{self, FinishedSpan, SpanLayer, SpanQueue, interest};
use super::trace_context::{SpanId, TraceContext};
use crate::config::{LogFormat, Settings, Telemetry};
use crate::error::Error;
use crate::logging::{self, Listener};

/// Reports how an execution is doing, and how it ends.
#[derive(Debug)]
pub struct Reporting {
    command: &'static str,
    /// Nanoseconds since 1970, and the same on the clock that is never set.
    began: (u64, Instant),
    exporter: Option<Exporter>,
    spans: Option<Tracing>,
    /// Whether the command is a job, of whose end somebody may be notified.
    is_job: bool,
}

/// The spans of an execution.
#[derive(Debug)]
struct Tracing {
    context: TraceContext,
    root: SpanId,
    queue: Arc<SpanQueue>,
}

impl Reporting {
    /// Starts the log; for a job also what the settings say about metrics and spans. Call once.
    pub fn begin(settings: &Settings, command: &'static str, is_job: bool) -> Self {
        let telemetry = &settings.telemetry;
        let spans = telemetry.traces.as_ref().filter(|_| is_job).map(|_| Tracing::begin(telemetry));
        let spans = spans.filter(|spans| spans.context.is_sampled);
        let listener = spans
            .as_ref()
            .map(|spans| -> Listener { Box::new(SpanLayer(Arc::clone(&spans.queue)).with_filter(interest())) });
        logging::init(settings.log_level, settings.log_format == LogFormat::Json, settings.color, listener);
        let began = (spans::now(), Instant::now());
        let wants = is_job && telemetry.is_wanted();
        if is_job {
            telemetry.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        let exporter = wants.then(|| destinations(telemetry, command, began, spans.as_ref())).and_then(Exporter::start);
        Self { command, began, exporter, spans, is_job }
    }

    /// Reports how the execution ended, and waits for that as long as the module's page says. `summary` is
    /// what the command printed; there is none if it failed before it had one. Nothing here fails.
    pub fn end(self, settings: &Settings, runtime: &Runtime, summary: Option<&Value>, failure: Option<&Error>) {
        let exit_code = failure.map_or(0, Error::exit_code);
        if let Some(spans) = &self.spans {
            spans.end(self.command, self.began, summary, failure);
        }
        if let Some(exporter) = &self.exporter {
            exporter.stop(exit_code);
        }
        if let Some(notify) = settings.notify.as_ref().filter(|_| self.is_job) {
            let ending = Ending {
                command: self.command,
                began: self.began,
                host: settings.telemetry.host_name.as_deref(),
                trace: self.spans.as_ref().map(|spans| spans.context.trace.to_string()),
                summary,
                failure,
            };
            runtime.block_on(notify::send(notify, settings.retry, &ending));
        }
        if let Some(exporter) = self.exporter {
            exporter.finish();
        }
    }
}

fn destinations(
    telemetry: &Telemetry,
    command: &'static str,
    began: (u64, Instant),
    spans: Option<&Tracing>,
) -> Destinations {
    let traces = spans.zip(telemetry.traces.as_ref().and_then(OtlpClient::new));
    Destinations {
        resource: Resource::of_process(telemetry, command),
        began,
        interval: telemetry.interval,
        file: telemetry.metrics_file.clone().map(|path| (path, command)),
        metrics: telemetry.metrics.as_ref().and_then(OtlpClient::new),
        traces: traces.map(|(spans, client)| (client, spans.context.clone(), Arc::clone(&spans.queue))),
    }
}

impl Tracing {
    fn begin(telemetry: &Telemetry) -> Self {
        let (parent, state) = (telemetry.trace_parent.as_deref(), telemetry.trace_state.as_deref());
        let root = SpanId::random();
        Self { context: TraceContext::from_environment(parent, state), root, queue: Arc::new(SpanQueue::new(root)) }
    }

    /// Ends the span of the whole execution.
    fn end(&self, command: &str, began: (u64, Instant), summary: Option<&Value>, failure: Option<&Error>) {
        let exit_code = failure.map_or(0, Error::exit_code);
        let mut attributes = vec![
            ("evo.command".to_owned(), Attribute::Text(command.to_owned())),
            ("process.exit.code".to_owned(), Attribute::Whole(exit_code.into())),
        ];
        if let Some(id) = summary.and_then(|summary| summary["execution_id"].as_str()) {
            attributes.push(("evo.execution.id".to_owned(), Attribute::Text(id.to_owned())));
        }
        if let Some(failure) = failure {
            attributes.push(("error.type".to_owned(), Attribute::Text(format!("{:?}", failure.kind()))));
        }
        let (events, dropped_events) = self.queue.take_events();
        let elapsed = u64::try_from(began.1.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.queue.push_last(FinishedSpan {
            id: self.root,
            parent: self.context.parent,
            name: format!("evo {command}"),
            began: began.0,
            ended: began.0.saturating_add(elapsed),
            attributes,
            events,
            dropped_events,
            error: failure.map(|failure| failure.message().to_owned()),
        });
    }
}
