//! CPU time and memory that this process has used so far.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// CPU time and memory of the whole process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time of all threads.
    pub cpu: Duration,
    /// The system's part of it.
    pub system: Duration,
    /// The largest resident memory at any moment, bytes.
    pub peak_resident: u64,
}

/// The CPU time and memory used up to now; zeros where the system does not report them.
pub fn usage() -> Usage {
    // It cannot fail: the only error is an unknown `who`.
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Usage::default() };
    let time = |t: TimeVal| {
        Duration::from_secs(t.tv_sec().unsigned_abs())
            + Duration::from_micros(u64::try_from(t.tv_usec()).unwrap_or_default())
    };
    // Linux counts kilobytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let peak_resident = high_water_mark().unwrap_or(usage.max_rss().unsigned_abs() * unit);
    let system = time(usage.system_time());
    Usage { cpu: time(usage.user_time()) + system, system, peak_resident }
}

/// Linux's own figure. That of getrusage includes the parent process as it was between fork and exec.
fn high_water_mark() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_usage() {
        let before = usage();
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_millis(50) {
            std::hint::black_box(started);
        }
        let memory = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = usage();
        assert!(after.cpu > before.cpu && after.system <= after.cpu);
        assert!(after.peak_resident >= before.peak_resident.max(memory.len() as u64));
    }
}
