//! Numbers as people read them: `12,345,678`, `1.4 GB`, `2m 03s`.

use std::time::Duration;

pub use crate::counted::{count, counted};

/// Bytes in decimal units with three significant digits: `0 B`, `53.2 MB`, `1.40 GB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{n} B"),
        (_, v) if v < 9.995 => format!("{v:.2} {}", UNITS[unit]),
        (_, v) if v < 99.95 => format!("{v:.1} {}", UNITS[unit]),
        (_, v) => format!("{v:.0} {}", UNITS[unit]),
    }
}

/// A share from 0 to 1 as a whole percentage: `47 %`.
pub fn share(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// A duration with two or three significant parts: `340 ms`, `4.2 s`, `2m 03s`, `3h 07m`.
pub fn duration(d: Duration) -> String {
    let ms = d.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", d.as_secs_f64()),
        60_000..3_600_000 => format!("{}m {:02}s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{}h {:02}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_writes_them() {
        assert_eq!([bytes(0), bytes(999), bytes(1_500), bytes(53_200_000)], ["0 B", "999 B", "1.50 kB", "53.2 MB"]);
        assert_eq!(bytes(999_600_000), "1.00 GB");
        assert_eq!(share(0.474), "47 %");
        assert_eq!(duration(Duration::from_millis(340)), "340 ms");
        assert_eq!(duration(Duration::from_millis(4_230)), "4.2 s");
        assert_eq!(duration(Duration::from_secs(123)), "2m 03s");
        assert_eq!(duration(Duration::from_secs(3 * 3600 + 7 * 60)), "3h 07m");
    }
}
