//! Writes and sends what there is to report, in a thread of its own, until the execution ends.
//!
//! The thread has its own runtime, so that a job that uses all of its threads does not starve it, nor it the
//! job. Nothing waits for it before the end, and then only as [`GRACE`] says.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{self, MissedTickBehavior};

use super::metric::Metric;
use super::metrics::{self, State};
use super::otlp::{Delivery, Message, OtlpClient, metrics_request, traces_request};
use super::resource::Resource;
use super::spans::{self, SpanQueue};
use super::textfile::TextFile;
use super::trace_context::TraceContext;
use crate::meter::tally;
use crate::report::usage::usage;

/// How long a collector may take to answer at the end: from the end on, or from when it was last asked.
const GRACE: Duration = Duration::from_secs(2);
/// How often finished spans are sent.
const SPANS_EVERY: Duration = Duration::from_secs(1);
/// Spans of one request, at most.
const SPANS_AT_ONCE: usize = 512;
/// The longest pause after a failure. Pauses double up to it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How the execution ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExecutionEnd {
    pub exit_code: u8,
    pub at: Instant,
}

/// The destinations of metrics and spans, and the execution that they are about.
#[derive(Debug)]
pub(super) struct Destinations {
    pub resource: Resource,
    /// When the execution began: nanoseconds since 1970, and on the clock that is never set.
    pub began: (u64, Instant),
    pub interval: Duration,
    /// The path of the file for Prometheus and the command that it is about.
    pub file: Option<(PathBuf, &'static str)>,
    pub metrics: Option<OtlpClient>,
    pub traces: Option<(OtlpClient, TraceContext, Arc<SpanQueue>)>,
}

/// The thread that reports.
#[derive(Debug)]
pub(super) struct Exporter {
    stop: watch::Sender<Option<ExecutionEnd>>,
    done: Receiver<()>,
}

impl Exporter {
    /// Starts the thread; `None` when the system gives none, and then nothing is reported.
    pub(super) fn start(destinations: Destinations) -> Option<Self> {
        let (stop, stopped) = watch::channel(None);
        let (end, done) = channel();
        let thread = std::thread::Builder::new().name("telemetry".to_owned());
        thread.spawn(move || run(destinations, stopped, end)).ok()?;
        Some(Self { stop, done })
    }

    /// Reports the end. Call [`Exporter::finish`] after it.
    pub(super) fn stop(&self, exit_code: u8) {
        self.stop.send_replace(Some(ExecutionEnd { exit_code, at: Instant::now() }));
    }

    /// Waits until everything is reported, but no longer than the collector may take. What is not sent then
    /// is lost: the process ends without it.
    pub(super) fn finish(self) {
        // The thread ends in time by itself, unless a disk or a name server hangs.
        let _ = self.done.recv_timeout(GRACE + Duration::from_millis(500));
    }
}

fn run(destinations: Destinations, stopped: watch::Receiver<Option<ExecutionEnd>>, end: Sender<()>) {
    // Sent when the thread ends, however it does.
    let _end = Ended(end);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let Destinations { resource, began, interval, file, metrics, traces } = destinations;
    let clock = Clock { began };
    runtime.block_on(async {
        let every = |interval| Rounds::new(interval, stopped.clone());
        tokio::join!(
            async {
                if let Some((path, command)) = file {
                    write_file(TextFile::open(&path, command), clock, every(interval)).await;
                }
            },
            async {
                if let Some(client) = metrics {
                    send_metrics(Link::new(client, "metrics"), &resource, clock, every(interval)).await;
                }
            },
            async {
                if let Some((client, context, queue)) = traces {
                    send_spans(Link::new(client, "spans"), &resource, (&context, &queue), every(SPANS_EVERY)).await;
                }
            },
        );
    });
    // A look-up of a name that hangs would keep the runtime from ending.
    runtime.shutdown_background();
}

struct Ended(Sender<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// When the execution began.
#[derive(Clone, Copy)]
struct Clock {
    began: (u64, Instant),
}

impl Clock {
    /// Everything at this moment, or at the end.
    fn read(self, end: Option<ExecutionEnd>) -> Vec<Metric> {
        let elapsed = |until: Instant| until.saturating_duration_since(self.began.1).as_secs_f64();
        let began_at = self.began.0 as f64 / 1e9;
        let state = State {
            began_at,
            elapsed: elapsed(end.map_or_else(Instant::now, |end| end.at)),
            ended: end.map(|end| (end.exit_code, began_at + elapsed(end.at))),
        };
        metrics::read(&tally().measures(), state, usage())
    }
}

/// Rounds of reporting: one immediately, then one each interval, and a last one at the end.
struct Rounds {
    ticks: time::Interval,
    stopped: watch::Receiver<Option<ExecutionEnd>>,
    is_over: bool,
}

impl Rounds {
    fn new(every: Duration, stopped: watch::Receiver<Option<ExecutionEnd>>) -> Self {
        let mut ticks = time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stopped, is_over: false }
    }

    /// Waits for the next round; the end, if it is the last one. `None` after the last one.
    async fn next(&mut self) -> Option<Option<ExecutionEnd>> {
        if self.is_over {
            return None;
        }
        let end = tokio::select! {
            biased;
            end = ended(&mut self.stopped) => Some(end),
            _ = self.ticks.tick() => None,
        };
        self.is_over = end.is_some();
        Some(end)
    }
}

/// Waits for the end.
async fn ended(stopped: &mut watch::Receiver<Option<ExecutionEnd>>) -> ExecutionEnd {
    match stopped.wait_for(Option::is_some).await.map(|end| *end) {
        Ok(Some(end)) => end,
        // The execution is gone without a word.
        _ => std::future::pending().await,
    }
}

async fn write_file(mut file: TextFile, clock: Clock, mut rounds: Rounds) {
    let mut is_warned = false;
    while let Some(end) = rounds.next().await {
        let metrics = clock.read(end);
        let success = end
            .filter(|end| end.exit_code == 0)
            .map(|end| clock.began.0 as f64 / 1e9 + end.at.saturating_duration_since(clock.began.1).as_secs_f64());
        match file.write(&metrics, success) {
            Ok(()) => is_warned = false,
            Err(error) if !std::mem::replace(&mut is_warned, true) => {
                let path = file.path().display();
                tracing::warn!(%path, %error, "the metrics file cannot be written; the job continues");
            }
            Err(_) => {}
        }
    }
}

async fn send_metrics(mut link: Link, resource: &Resource, clock: Clock, mut rounds: Rounds) {
    let mut stopped = rounds.stopped.clone();
    while let Some(end) = rounds.next().await {
        if link.may_send(end.is_some()) {
            let request = metrics_request(resource, &clock.read(end), clock.began.0, spans::now());
            link.send(&request, &mut stopped).await;
        }
    }
}

async fn send_spans(
    mut link: Link,
    resource: &Resource,
    (context, queue): (&TraceContext, &SpanQueue),
    mut rounds: Rounds,
) {
    let mut stopped = rounds.stopped.clone();
    while let Some(end) = rounds.next().await {
        while link.may_send(end.is_some()) {
            let spans = queue.take(SPANS_AT_ONCE);
            if spans.is_empty() {
                break;
            }
            match link.send(&traces_request(resource, context, &spans), &mut stopped).await {
                Delivery::Taken => {}
                Delivery::Later(..) => queue.put_back(spans),
                Delivery::Refused(_) => queue.lose(spans.len()),
            }
        }
    }
    let lost = queue.unsent();
    if lost > 0 {
        tracing::warn!(lost, collector = link.client.host(), "spans were lost; the job is not affected");
    }
}

async fn send_within_grace(
    client: &OtlpClient,
    request: &Message,
    stopped: &mut watch::Receiver<Option<ExecutionEnd>>,
) -> Delivery {
    let began = Instant::now();
    let sending = client.send(request);
    tokio::pin!(sending);
    tokio::select! {
        answer = &mut sending => answer,
        end = ended(stopped) => {
            let until = began.min(end.at) + GRACE;
            let answer = time::timeout_at(until.into(), sending).await;
            answer.unwrap_or_else(|_| Delivery::Later("it does not answer in time".to_owned(), None))
        }
    }
}

/// A collector, and how it has behaved.
struct Link {
    client: OtlpClient,
    what: &'static str,
    /// Failures in a row.
    failures: u32,
    not_before: Option<Instant>,
}

impl Link {
    fn new(client: OtlpClient, what: &'static str) -> Self {
        Self { client, what, failures: 0, not_before: None }
    }

    /// Whether to send now. At the end a collector that has just failed is not asked again: it would delay
    /// the end of the process.
    fn may_send(&self, is_last: bool) -> bool {
        match is_last {
            true => self.failures == 0,
            false => self.not_before.is_none_or(|at| at <= Instant::now()),
        }
    }

    /// Sends once. After the end it waits for an answer only as long as the grace allows.
    async fn send(&mut self, request: &Message, stopped: &mut watch::Receiver<Option<ExecutionEnd>>) -> Delivery {
        let answer = send_within_grace(&self.client, request, stopped).await;
        self.note(&answer);
        answer
    }

    fn note(&mut self, answer: &Delivery) {
        let (what, collector) = (self.what, self.client.host());
        let (reason, asked) = match answer {
            Delivery::Taken => {
                if self.failures > 0 {
                    tracing::info!(collector, "the collector takes {what} again");
                }
                self.failures = 0;
                self.not_before = None;
                return;
            }
            Delivery::Later(reason, asked) => (reason, *asked),
            Delivery::Refused(reason) => (reason, None),
        };
        if self.failures == 0 {
            tracing::warn!(collector, reason, "{what} do not reach the collector; the job continues without them");
        }
        self.failures += 1;
        let pause = Duration::from_secs(1 << self.failures.min(6)).max(asked.unwrap_or_default());
        self.not_before = Some(Instant::now() + pause.min(LONGEST_PAUSE));
    }
}
