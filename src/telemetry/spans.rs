//! Finished spans of [`crate::span`], and the log's warnings inside them, in a bounded queue.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::resource::Attribute;
use super::trace_context::SpanId;
use crate::span::TARGET;

/// Finished spans that wait to be sent, at most.
const WAITING: usize = 2_048;
/// Events of one span, at most.
const EVENTS: usize = 64;
/// Characters of a text, at most.
const LONGEST_TEXT: usize = 2_000;

/// Nanoseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Something that happened inside a span.
#[derive(Debug, Clone)]
pub(super) struct SpanEvent {
    /// Nanoseconds since 1970.
    pub at: u64,
    pub name: String,
    pub attributes: Vec<(String, Attribute)>,
}

/// A span that has ended. Times are nanoseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct FinishedSpan {
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: String,
    pub began: u64,
    pub ended: u64,
    pub attributes: Vec<(String, Attribute)>,
    pub events: Vec<SpanEvent>,
    pub dropped_events: u32,
    /// The message of the error, if the work failed.
    pub error: Option<String>,
}

/// Spans that have ended and were not sent.
#[derive(Debug)]
pub(super) struct SpanQueue {
    /// The span of the whole execution, parent of those that have no other.
    root: SpanId,
    state: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: VecDeque<FinishedSpan>,
    /// Events outside of any span.
    events: Vec<SpanEvent>,
    dropped_events: u32,
    /// Spans that did not fit, or that the collector refused.
    lost: u64,
}

impl SpanQueue {
    pub(super) fn new(root: SpanId) -> Self {
        Self { root, state: Mutex::default() }
    }

    /// Adds a span; drops it when the queue is full.
    pub(super) fn push(&self, span: FinishedSpan) {
        let mut state = self.state.lock();
        if state.spans.len() < WAITING {
            state.spans.push_back(span);
        } else {
            state.lost += 1;
        }
    }

    /// Adds the span of the whole execution, for which there is always room.
    pub(super) fn push_last(&self, span: FinishedSpan) {
        self.state.lock().spans.push_back(span);
    }

    /// Takes the oldest ones, at most `most`.
    pub(super) fn take(&self, most: usize) -> Vec<FinishedSpan> {
        let mut state = self.state.lock();
        let n = state.spans.len().min(most);
        state.spans.drain(..n).collect()
    }

    /// Puts back what could not be sent.
    pub(super) fn put_back(&self, spans: Vec<FinishedSpan>) {
        let mut state = self.state.lock();
        for span in spans.into_iter().rev() {
            if state.spans.len() < WAITING {
                state.spans.push_front(span);
            } else {
                state.lost += 1;
            }
        }
    }

    /// Counts spans that were not sent and never will be.
    pub(super) fn lose(&self, n: usize) {
        self.state.lock().lost += n as u64;
    }

    /// How many spans are lost, or will be if nothing more is sent.
    pub(super) fn unsent(&self) -> u64 {
        let state = self.state.lock();
        state.lost + state.spans.len() as u64
    }

    /// The events outside of any span, and how many more there were.
    pub(super) fn take_events(&self) -> (Vec<SpanEvent>, u32) {
        let mut state = self.state.lock();
        (std::mem::take(&mut state.events), state.dropped_events)
    }

    fn add_event(&self, event: SpanEvent) {
        let mut state = self.state.lock();
        if state.events.len() < EVENTS {
            state.events.push(event);
        } else {
            state.dropped_events += 1;
        }
    }
}

/// Collects spans as they end.
#[derive(Debug)]
pub(super) struct SpanLayer(pub Arc<SpanQueue>);

/// evo's own spans, and the warnings that evo logs inside them.
pub(super) fn interest() -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(|about| match about.is_span() {
        true => about.target() == TARGET,
        false => *about.level() <= Level::WARN && about.target().starts_with("evo"),
    })
    .with_max_level_hint(LevelFilter::INFO)
}

/// A span in progress.
struct OpenSpan {
    id: SpanId,
    parent: SpanId,
    began: (u64, Instant),
    seen: Seen,
    events: Vec<SpanEvent>,
    dropped_events: u32,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<OpenSpan>().map(|open| open.id));
        let mut seen = Seen::default();
        attributes.record(&mut seen);
        span.extensions_mut().insert(OpenSpan {
            id: SpanId::random(),
            parent: parent.unwrap_or(self.0.root),
            began: (now(), Instant::now()),
            seen,
            events: Vec::new(),
            dropped_events: 0,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<OpenSpan>()
        {
            values.record(&mut open.seen);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let happened = SpanEvent { at: now(), name: seen.message, attributes: seen.attributes };
        let Some(span) = context.event_span(event) else { return self.0.add_event(happened) };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            if open.events.len() < EVENTS {
                open.events.push(happened);
            } else {
                open.dropped_events += 1;
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(open) = context.span(&id).and_then(|span| span.extensions_mut().remove::<OpenSpan>()) else { return };
        let (began, started) = open.began;
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.push(FinishedSpan {
            id: open.id,
            parent: Some(open.parent),
            name: open.seen.name,
            began,
            ended: began.saturating_add(elapsed),
            attributes: open.seen.attributes,
            events: open.events,
            dropped_events: open.dropped_events,
            error: open.seen.error,
        });
    }
}

/// The fields of a span or an event. A field that is set again replaces its value.
#[derive(Default)]
struct Seen {
    name: String,
    message: String,
    attributes: Vec<(String, Attribute)>,
    error: Option<String>,
}

impl Seen {
    fn set(&mut self, field: &Field, value: Attribute) {
        let value = match value {
            Attribute::Text(text) if text.len() > LONGEST_TEXT => {
                Attribute::Text(text.chars().take(LONGEST_TEXT).collect())
            }
            value => value,
        };
        match (field.name(), value) {
            ("name", Attribute::Text(text)) => self.name = text,
            ("message", Attribute::Text(text)) => self.message = text,
            ("error.message", Attribute::Text(text)) => self.error = Some(text),
            (_, Attribute::Text(text)) if text.is_empty() => {}
            (name, value) => {
                self.attributes.retain(|(known, _)| known != name);
                self.attributes.push((name.to_owned(), value));
            }
        }
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Attribute::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Attribute::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Attribute::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Attribute::Whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Attribute::Whole(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Attribute::Real(value));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::error::{Error, Kind};
    use crate::span::WorkSpan;

    const ROOT: SpanId = SpanId([7; 8]);

    /// The queue after some work.
    fn recorded(work: impl FnOnce()) -> SpanQueue {
        let queue = Arc::new(SpanQueue::new(ROOT));
        let layer = SpanLayer(Arc::clone(&queue)).with_filter(interest());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        Arc::into_inner(queue).unwrap()
    }

    #[test]
    fn spans_form_a_tree_below_the_execution_and_carry_what_was_set_and_what_went_wrong() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let queue = recorded(|| {
            let load = WorkSpan::begin("load", "sales");
            let failed: Result<(), Error> = runtime.block_on(load.run(async {
                let batch = WorkSpan::begin("batch", "sales");
                batch.set("lines", 7_u64);
                batch.set("lines", 8_u64);
                batch
                    .run(async {
                        tracing::warn!(target: "evo::retry", attempt = 1, "the batch failed");
                        tracing::info!(target: "evo::load", "not this");
                        Err(Error::new(Kind::DatabaseBusy, "no connection"))
                    })
                    .await
            }));
            assert!(failed.is_err());
        });
        let spans = queue.take(10);
        let [batch, load] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!((batch.name.as_str(), batch.parent, load.parent), ("batch", Some(load.id), Some(ROOT)));
        let lines: Vec<_> = batch.attributes.iter().filter(|(name, _)| name == "evo.lines").collect();
        assert_eq!(lines, [&("evo.lines".to_owned(), Attribute::Whole(8))]);
        assert!(batch.attributes.contains(&("error.type".to_owned(), Attribute::Text("DatabaseBusy".to_owned()))));
        assert_eq!(batch.error.as_deref(), Some("no connection"));
        let events: Vec<&str> = batch.events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(events, ["the batch failed"]);
        assert!(batch.began >= load.began && batch.ended <= load.ended);
    }

    #[test]
    fn a_queue_that_is_full_drops_and_counts() {
        let queue = recorded(|| {
            (0..WAITING + 3).for_each(|_| drop(WorkSpan::begin("batch", "")));
            tracing::warn!(target: "evo", "outside of any span");
        });
        assert_eq!(queue.unsent(), WAITING as u64 + 3);
        let some = queue.take(10);
        assert_eq!(some.len(), 10);
        queue.put_back(some);
        assert_eq!((queue.take(usize::MAX).len(), queue.unsent()), (WAITING, 3));
        assert_eq!(queue.take_events().0.len(), 1);
    }

    #[test]
    fn without_an_exporter_nothing_is_recorded() {
        assert!(!WorkSpan::begin("batch", "sales").is_recorded());
    }
}
