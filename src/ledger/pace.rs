//! `evo.pace`: when the next request with a credential may be sent. All processes share it.
//!
//! Slots lie one pause apart, so that no stretch of time holds more of them than the limit allows, wherever
//! it begins.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::pg::{Param, Pool};

/// A pause between two requests, and the minutes of the day between which it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pause {
    /// Length of the pause, milliseconds.
    pub ms: f64,
    /// First minute, and the first that is not in it.
    pub minutes: (i32, i32),
}

/// Reserved slots, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slots {
    /// Time until the first slot.
    pub wait: Duration,
    /// Time from each slot to the next.
    pub step: Duration,
    /// How long the server's answer took: as much earlier the slots may lie.
    pub took: Duration,
}

/// Makes sure that the credential has a row.
///
/// # Errors
/// See [`crate::pg`].
pub async fn begin(pool: &Pool, credential: &str) -> Result<()> {
    pool.get().await?.execute(sql_file!("extract/make_pace.sql"), &[&credential]).await?;
    Ok(())
}

/// Reserves `count` slots.
///
/// # Errors
/// See [`crate::pg`].
pub async fn reserve(pool: &Pool, credential: &str, count: i32, (pauses, zone): (&[Pause], &str)) -> Result<Slots> {
    let connection = pool.get().await?;
    let long: Vec<i64> = pauses.iter().map(|pause| (pause.ms * 1_000.0).ceil() as i64).collect();
    let from: Vec<i32> = pauses.iter().map(|pause| pause.minutes.0).collect();
    let until: Vec<i32> = pauses.iter().map(|pause| pause.minutes.1).collect();
    let values: [&dyn Param; 6] = [&credential, &count, &long, &from, &until, &zone];
    let asked = Instant::now();
    let row = connection.query_one(sql_file!("extract/reserve_slots.sql"), &values).await?;
    let took = asked.elapsed();
    let duration = |ms: f64| Duration::try_from_secs_f64(ms.max(0.0) / 1_000.0).unwrap_or_default();
    Ok(Slots { wait: duration(row.get(0)), step: duration(row.get(1)), took })
}

/// Stops requests with the credential for `pause`, in all processes, and spaces later ones more widely.
/// Returns the factor by which their pauses are longer.
///
/// # Errors
/// See [`crate::pg`].
pub async fn slow_down(pool: &Pool, credential: &str, pause: Duration) -> Result<f64> {
    let connection = pool.get().await?;
    let ms = pause.as_secs_f64() * 1_000.0;
    let row = connection.query_one(sql_file!("extract/slow_down.sql"), &[&credential, &ms]).await?;
    Ok(row.get(0))
}
