//! How figures of an execution are written.

use std::time::Duration;

use crate::ledger::history::RunningPhase;
use crate::report::units;

/// The beginning of an id that `evo runs` accepts in its place: the time at which it was made, in
/// hexadecimal.
pub(super) fn short(id: &str) -> String {
    id.chars().take(13).collect()
}

/// `2026-01-10T02:05:01.123+00:00` → `2026-01-10 02:05:01`.
pub(super) fn moment(time: &str) -> String {
    time.chars().take(19).collect::<String>().replace('T', " ")
}

/// Seconds, as people write durations.
pub(super) fn seconds(seconds: f64) -> String {
    units::duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Milliseconds: `0.42 ms`, `38 ms`, `4.2 s`.
pub(super) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms => seconds(ms / 1000.0),
    }
}

/// `sales: loading: 1.2 GB of 4.0 GB (30 %), about 2m 10s left`.
pub(super) fn phase_line(phase: &RunningPhase) -> String {
    let amount = |n: i64| match phase.unit.as_deref() {
        Some("bytes") => units::bytes(n.unsigned_abs()),
        _ => units::count(n.unsigned_abs()),
    };
    let unit = phase.unit.as_deref().filter(|unit| *unit != "bytes").map_or(String::new(), |unit| format!(" {unit}"));
    let mut line = phase.phase.clone();
    match phase.total {
        Some(total) => {
            let percent = phase.done.clamp(0, total) * 100 / total.max(1);
            line += &format!(": {} of {}{unit} ({percent} %)", amount(phase.done), amount(total));
        }
        None if phase.unit.is_some() => line += &format!(": {}{unit}", amount(phase.done)),
        None => {}
    }
    line + &match phase.left_s {
        Some(left) => format!(", about {} left", seconds(left)),
        None => format!(", for {}", seconds(phase.elapsed_s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_a_person_writes_them() {
        assert_eq!(short("019ad3c2-8a1b-7000-8000-000000000000"), "019ad3c2-8a1b");
        assert_eq!(moment("2026-01-10T02:05:01.123456+00:00"), "2026-01-10 02:05:01");
        assert_eq!([millis(0.4239), millis(38.4), millis(4_230.0)], ["0.42 ms", "38 ms", "4.2 s"]);
        let mut phase = RunningPhase {
            execution_id: String::new(),
            command: String::new(),
            machine: None,
            container_execution: None,
            seen_at: None,
            phase: "sales: loading".to_owned(),
            done: 1_200_000_000,
            total: Some(4_000_000_000),
            unit: Some("bytes".to_owned()),
            elapsed_s: 60.0,
            left_s: Some(130.0),
        };
        assert_eq!(phase_line(&phase), "sales: loading: 1.20 GB of 4.00 GB (30 %), about 2m 10s left");
        (phase.total, phase.left_s, phase.done, phase.unit) = (None, None, 12, Some("chunks".to_owned()));
        assert_eq!(phase_line(&phase), "sales: loading: 12 chunks, for 1m 00s");
        phase.unit = None;
        assert_eq!(phase_line(&phase), "sales: loading, for 1m 00s");
    }
}
