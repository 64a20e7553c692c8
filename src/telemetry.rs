//! Log lines on stderr: short text for a person, one JSON object a line for a log store.

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` (0 warnings, 1 info, 2 debug, 3 trace), in color where somebody watches. Call once; a second call (in tests) is ignored.
pub fn init(level: u8, json: bool, color: bool) {
    let level = match level {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    // Only evo's own targets go beyond warnings: the drivers' debug lines may hold what must not be logged.
    let filter = EnvFilter::new(format!("warn,evo={level}"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(color);
    let _ = match json {
        true => builder.json().flatten_event(true).with_current_span(false).try_init(),
        false => builder.compact().try_init(),
    };
}
