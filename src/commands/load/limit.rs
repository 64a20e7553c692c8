//! Where the workers' time went, and so what limits the load.

use std::time::Duration;

use crate::load::EntityLoad;
use crate::report::units;

/// A line with the share of each phase and what to do about the largest; empty when no batch was loaded.
pub(super) fn phases(load: &EntityLoad) -> String {
    let s = &load.summary;
    let times = &s.times;
    let parts = [
        ("lake", times.stream.lake),
        ("decode", times.stream.decode),
        ("copy", times.stream.copy),
        ("merge", times.merge),
        ("turn", times.turn),
        ("commit", times.commit),
    ];
    let spent: Duration = parts.iter().map(|(_, time)| *time).sum();
    if s.batches == 0 || spent.is_zero() {
        return String::new();
    }
    let share = |time: Duration| time.as_secs_f64() / spent.as_secs_f64();
    let shown: Vec<String> =
        parts.iter().map(|(name, time)| format!("{name} {}", units::share(share(*time)))).collect();
    let server = share(times.stream.copy + times.merge + times.commit);
    let advice = advice(share(times.stream.lake), share(times.stream.decode), server, load);
    format!("\n{}: workers' time: {}{advice}", s.entity, shown.join(" · "))
}

/// The advice for the phase that takes most of the time. More workers do not help where there is no work to
/// share out, or no CPU.
fn advice(lake: f64, decode: f64, server: f64, load: &EntityLoad) -> &'static str {
    let has_batches = load.summary.batches >= 2 * load.workers as u64;
    let has_cpus = std::thread::available_parallelism().is_ok_and(|cpus| load.workers < cpus.get());
    match (lake, decode, server) {
        (lake, decode, _) if lake >= 0.5 && lake > decode && has_batches => {
            "; the lake is the limit: more --workers may help"
        }
        (lake, decode, _) if lake >= 0.5 && lake > decode => "; the lake is the limit",
        (_, decode, _) if decode >= 0.5 && has_cpus && has_batches => {
            "; this process is the limit: more --workers may help"
        }
        (_, decode, _) if decode >= 0.5 => "; this process is the limit: more CPUs may help",
        (_, _, server) if server >= 0.5 => "; the server is the limit",
        _ => "",
    }
}
