//! Log lines on stderr: short text for a person, one JSON object per line for a log store.
//!
//! A job does not depend on its log. The reader may be gone (`evo load all 2>&1 | head`), the disk full, the
//! descriptor closed: then lines are lost, and nothing else.

use std::io::{self, Write};
use std::sync::OnceLock;

use indicatif::MultiProgress;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::fmt::{self, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::visible;

/// A layer that receives spans and events besides the log.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging at `level` (0 warnings, 1 info, 2 debug, 3 trace), with colors if `color`. Call once: a
/// second call, as tests make, is ignored.
pub fn init(level: u8, json: bool, color: bool, listener: Option<Listener>) {
    let level = match level {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    if json {
        // A panic message belongs to the same stream.
        std::panic::set_hook(Box::new(|defect| {
            let at = defect.location().map(ToString::to_string);
            tracing::error!(at, "a defect of evo: {}", defect.payload_as_str().unwrap_or("no message"));
        }));
    }
    // Only evo's own targets go beyond warnings: the drivers' debug lines may hold what must not be logged.
    // Spans are for the listener: a line does not name those that it is in.
    let filter = EnvFilter::new(format!("warn,evo={level}")).and(filter_fn(|about| about.is_event()));
    let layer = fmt::layer()
        .with_writer(Stderr)
        // It would report a failed write on stderr, and panic because stderr fails.
        .log_internal_errors(false)
        .with_target(false)
        .with_ansi(color);
    let lines: Box<dyn Layer<_> + Send + Sync> = match json {
        true => Box::new(layer.json().flatten_event(true).with_current_span(false).with_span_list(false)),
        false => Box::new(layer.compact().fmt_fields(fields())),
    };
    let _ = tracing_subscriber::registry().with(listener).with(lines.with_filter(filter)).try_init();
}

/// `message name=value …`. Control characters are spelled out, so that a name from elsewhere can neither
/// steer the terminal nor forge a line.
fn fields() -> impl for<'w> FormatFields<'w> + 'static {
    debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", visible::line(&value)),
            name => write!(writer, "{name}={}", visible::line(&value)),
        }
    })
    .delimited(" ")
}

/// The progress bars on stderr; log lines are written above them.
pub fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// stderr that accepts every line, whether or not it can be written.
#[derive(Debug, Clone, Copy)]
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = bars().suspend(|| io::stderr().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
