//! Reports an execution to other programs: metrics, spans, and a notification at its end.
//!
//! ```text
//! reporting   begins with the process · sends while it runs · says how it ended
//! exporter    one thread with its own runtime: metrics every interval, spans every second
//! metrics     the process's counts as metrics with documented names
//! spans       finished spans of `tracing`, in a bounded queue
//! textfile    a file for Prometheus · otlp/ messages and requests to a collector · notify/ a webhook
//! ```
//!
//! **A job does not depend on it.** Nothing here blocks work: counts are read, spans are queued, and what
//! does not fit into the queue is counted and dropped. A collector that is slow, wrong or unreachable costs a
//! warning. At the end the process waits for it for two seconds at most, and not at all if it has had that
//! long to answer already.

mod exporter;
mod metric;
mod metrics;
mod notify;
mod otlp;
mod prometheus;
mod reporting;
mod resource;
mod spans;
mod textfile;
mod trace_context;

pub use metric::{Instrument, MetricName};
pub use metrics::METRICS;
pub use reporting::Reporting;
