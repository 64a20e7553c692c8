//! Slots of requests: how far apart they lie, and which of those that are reserved may still be used.
//!
//! A request leaves a little after its slot and travels for a little longer than others. So slots lie farther
//! apart than the limit asks for, by a margin in each of its stretches. One half of the margin is for
//! requests that leave late, the other for their way. A slot that was missed by more is not made up for: two
//! requests closer together than that could be one too many in somebody's minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Rate;
use crate::ledger::pace::Pause;

/// Slots reserved together at most.
const MOST: i32 = 64;
/// Slots are reserved for this time together.
const BLOCK: Duration = Duration::from_millis(250);
/// Slots without a pause between them are good for this long.
const FREE: Duration = Duration::from_secs(1);
/// The margin in a stretch: a hundredth of it, and at least this.
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// Slots of one credential that this process has reserved.
#[derive(Debug, Default)]
pub(super) struct SlotBlock {
    slots: VecDeque<Instant>,
    tolerance: Duration,
    /// How often the source had refused when they were reserved.
    pub(super) refusals: u64,
}

impl SlotBlock {
    /// `count` slots from `first` on, each good for `tolerance`.
    pub(super) fn new(first: Instant, step: Duration, count: u32, tolerance: Duration) -> Self {
        Self { slots: (0..count).map(|i| first + step * i).collect(), tolerance, refusals: 0 }
    }

    /// The same, reserved when the source had refused so often.
    pub(super) fn after(self, refusals: u64) -> Self {
        Self { refusals, ..self }
    }

    /// The next slot that may be used `now` or later.
    pub(super) fn next(&mut self, now: Instant) -> Option<Instant> {
        while let Some(slot) = self.slots.pop_front() {
            if self.is_good(slot, now) {
                return Some(slot);
            }
        }
        None
    }

    /// Whether a slot may be used `now`.
    pub(super) fn is_good(&self, slot: Instant, now: Instant) -> bool {
        now <= slot + self.tolerance
    }
}

fn margin(per: Duration) -> Duration {
    (per / 100).max(LEAST_MARGIN)
}

/// How long after its slot a request may still be sent, where the ledger took `took` to reserve it: the slot
/// may lie as much earlier as its answer was on the way. A ledger that is slower than the margin of a limit
/// cannot keep it as exactly.
pub(super) fn tolerance(rates: &[Rate], took: Duration) -> Duration {
    match rates.iter().map(|rate| margin(rate.per) / 2).min() {
        Some(tolerance) => tolerance - took.min(tolerance / 2),
        None => FREE,
    }
}

/// Slots to reserve together.
pub(super) fn block_size(pauses: &[Pause]) -> i32 {
    let step = pauses.iter().map(|pause| pause.ms).fold(0.0, f64::max);
    let count = if step > 0.0 { (BLOCK.as_secs_f64() * 1_000.0 / step) as i32 } else { MOST };
    count.clamp(1, MOST)
}

/// A limit as pauses: it holds for its own length before its hours begin as well, so that no stretch that
/// reaches into them holds too many.
pub(super) fn pauses(rate: &Rate) -> Vec<Pause> {
    let ms = (rate.per + margin(rate.per)).as_secs_f64() * 1_000.0 / f64::from(rate.count);
    let Some((from, until)) = rate.minutes else { return vec![Pause { ms, minutes: (0, 24 * 60) }] };
    let ahead = i32::try_from(rate.per.as_secs().div_ceil(60)).unwrap_or(0);
    let (from, until) = (i32::from(from) - ahead, i32::from(until));
    match from < 0 {
        true => vec![Pause { ms, minutes: (0, until) }, Pause { ms, minutes: (from + 24 * 60, 24 * 60) }],
        false => vec![Pause { ms, minutes: (from, until) }],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One process on the simulated clock: what it has reserved, and when it is ready to ask again.
    struct Process {
        block: SlotBlock,
        ready: Duration,
    }

    /// Sends `wanted` requests from some processes that share one row of the ledger, and returns when they
    /// arrive. `late` and `way` give fractions of half the margin: how late a process wakes up, how long a
    /// request travels; sometimes one stands still for a second.
    fn arrivals(rate: Rate, processes: usize, wanted: usize, dice: &mut impl FnMut() -> f64) -> Vec<Duration> {
        let rates = [rate];
        let (tolerance, half) = (tolerance(&rates, Duration::ZERO), margin(rate.per) / 2);
        let (pauses, start) = (pauses(&rate), Instant::now());
        let step = Duration::from_micros((pauses[0].ms * 1_000.0).ceil() as u64);
        let count = block_size(&pauses) as u32;
        let mut next_at = Duration::ZERO;
        let mut crew: Vec<Process> =
            (0..processes).map(|_| Process { block: SlotBlock::default(), ready: Duration::ZERO }).collect();
        let mut arrived = Vec::new();
        while arrived.len() < wanted {
            crew.sort_by_key(|process| process.ready);
            let process = &mut crew[0];
            let mut now = process.ready;
            let Some(slot) = process.block.next(start + now) else {
                // As reserve_slots.sql: slots follow those of everybody, and never lie in the past.
                let first = next_at.max(now);
                next_at = first + step * count;
                process.block = SlotBlock::new(start + first, step, count, tolerance);
                process.ready = now + Duration::from_micros((dice() * 500.0) as u64);
                continue;
            };
            let late = if dice() < 0.002 { Duration::from_secs(1) } else { tolerance.mul_f64(dice() * 0.8) };
            now = now.max(slot - start) + late;
            process.ready = now;
            if process.block.is_good(slot, start + now) {
                arrived.push(now + half.mul_f64(dice()));
            }
        }
        arrived.sort();
        arrived
    }

    proptest! {
        #[test]
        fn no_stretch_of_the_simulated_clock_holds_more_requests_than_the_limit(
            count in 1_u32..2_000,
            seconds in prop::sample::select(vec![1_u64, 60, 3_600]),
            processes in 1_usize..5,
            seed in any::<u64>(),
        ) {
            let rate = Rate { count, per: Duration::from_secs(seconds), minutes: None };
            let mut state = seed | 1;
            let mut dice = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            let arrived = arrivals(rate, processes, 3 * count as usize + 20, &mut dice);
            for pair in arrived.windows(count as usize + 1) {
                let stretch = pair[count as usize] - pair[0];
                prop_assert!(stretch >= rate.per, "{} requests in {stretch:?}", count + 1);
            }
        }

        #[test]
        fn of_a_limit_by_the_minute_or_hour_99_percent_are_used(
            count in 10_u32..2_000,
            seconds in prop::sample::select(vec![60_u64, 3_600]),
            processes in 1_usize..4,
        ) {
            let rate = Rate { count, per: Duration::from_secs(seconds), minutes: None };
            let arrived = arrivals(rate, processes, 10 * count as usize, &mut || 0.004);
            let taken = arrived[arrived.len() - 1].as_secs_f64() / seconds as f64;
            // A process may hold a block that nobody uses at the end.
            prop_assert!(arrived.len() as f64 + 64.0 >= 0.985 * f64::from(count) * taken, "{taken} stretches");
        }
    }

    #[test]
    fn a_limit_with_hours_begins_its_own_length_before_them() {
        let rate = |text: &str| pauses(&crate::config::given_rate(text).unwrap());
        assert_eq!(rate("60/min 05:00-24:00")[0].minutes, (299, 1440));
        assert_eq!(rate("60/h 00:30-06:00").iter().map(|p| p.minutes).collect::<Vec<_>>(), [(0, 360), (1410, 1440)]);
    }

    #[test]
    fn a_slot_that_was_missed_is_skipped() {
        let (start, step) = (Instant::now(), Duration::from_secs(1));
        let tolerance = tolerance(&[crate::config::given_rate("60/min").unwrap()], Duration::from_millis(100));
        assert_eq!(tolerance, Duration::from_millis(200), "the ledger took 100 ms");
        let mut block = SlotBlock::new(start, step, 3, tolerance);
        assert_eq!(block.next(start + tolerance), Some(start), "in time");
        assert_eq!(block.next(start + step + step / 2), Some(start + step * 2), "the second was missed");
        assert_eq!(block.next(start), None);
    }
}
