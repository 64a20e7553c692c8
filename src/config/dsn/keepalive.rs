//! How a lost host is noticed.

use std::time::Duration;

use super::parameters::Parameters;
use crate::error::Result;

/// How the kernel notices a lost host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Whether probes are sent on an idle connection at all.
    pub enabled: bool,
    /// Silence before the first probe.
    pub idle: Duration,
    /// Pause between two probes.
    pub interval: Duration,
    /// Unanswered probes until the connection counts as lost.
    pub count: u32,
    /// How long sent data may stay unacknowledged; zero leaves it to the system.
    pub user_timeout: Duration,
}

/// A lost host is noticed within a minute, whether evo waits for it or sends to it.
const KEEPALIVE: Keepalive = Keepalive {
    enabled: true,
    idle: Duration::from_secs(30),
    interval: Duration::from_secs(10),
    count: 3,
    user_timeout: Duration::from_secs(60),
};

/// Reads `keepalives…` and `tcp_user_timeout`.
///
/// # Errors
/// `Config` for a value that is not a whole number.
pub(super) fn read(given: &mut Parameters) -> Result<Keepalive> {
    // In libpq zero means the default of the system; evo has its own.
    let mut seconds = |name: &str, default: Duration| -> Result<Duration> {
        Ok(given.seconds(name)?.filter(|value| !value.is_zero()).unwrap_or(default))
    };
    let (idle, interval) =
        (seconds("keepalives_idle", KEEPALIVE.idle)?, seconds("keepalives_interval", KEEPALIVE.interval)?);
    let count = given.number("keepalives_count")?.filter(|n| *n > 0).unwrap_or(u64::from(KEEPALIVE.count));
    Ok(Keepalive {
        enabled: given.number("keepalives")? != Some(0),
        idle,
        interval,
        count: u32::try_from(count).unwrap_or(u32::MAX),
        user_timeout: given.number("tcp_user_timeout")?.map_or(KEEPALIVE.user_timeout, Duration::from_millis),
    })
}
