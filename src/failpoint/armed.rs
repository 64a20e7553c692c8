//! Reads `EVO_FAILPOINTS` and does what it says.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::error::{Error, KINDS, Kind, Result};

/// The environment variable with the triggers.
pub const VARIABLE: Option<&str> = Some("EVO_FAILPOINTS");

static SCHEDULE: OnceLock<Schedule> = OnceLock::new();

/// The triggers, and how often each failpoint was reached.
#[derive(Debug, Default)]
struct Schedule {
    triggers: Vec<Trigger>,
    reached: Mutex<BTreeMap<&'static str, u32>>,
}

/// The effect of one failpoint, from the `from`th to the `to`th time that it is reached.
#[derive(Debug, Clone, PartialEq)]
struct Trigger {
    failpoint: String,
    effect: Effect,
    from: u32,
    to: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Effect {
    Kill,
    Pause,
    Sleep(Duration),
    Error(Kind),
}

/// Reads the triggers. Only the first call in a process counts.
///
/// # Errors
/// `Config` when the text is not understood.
pub fn arm(text: Option<&str>) -> Result<()> {
    let triggers = text.unwrap_or_default().split(';').filter(|s| !s.trim().is_empty()).map(trigger);
    let triggers = triggers.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Kind::Config, "EVO_FAILPOINTS is not understood").hint(
            "NAME=kill, NAME=pause, NAME=sleep(MS) or NAME=error(KIND), each with @N or @N+, separated by semicolons",
        )
    })?;
    let _ = SCHEDULE.set(Schedule { triggers, reached: Mutex::default() });
    Ok(())
}

/// The failpoint `name` was reached: does what the triggers say.
///
/// # Errors
/// The one that a trigger asks for.
pub fn hit(name: &'static str) -> Result<()> {
    let of_this = |trigger: &&Trigger| trigger.failpoint == name;
    let Some(schedule) = SCHEDULE.get().filter(|schedule| schedule.triggers.iter().any(|t| of_this(&t))) else {
        return Ok(());
    };
    let time = {
        let mut reached = schedule.reached.lock();
        let count = reached.entry(name).or_default();
        *count += 1;
        *count
    };
    let due = schedule.triggers.iter().filter(of_this).find(|trigger| (trigger.from..=trigger.to).contains(&time));
    let Some(Trigger { effect, .. }) = due else { return Ok(()) };
    let _ = writeln!(std::io::stderr(), "failpoint {name}: {effect:?}");
    match effect {
        Effect::Kill => {
            let _ = kill(Pid::this(), Signal::SIGKILL);
            Ok(())
        }
        Effect::Pause => loop {
            std::thread::park();
        },
        Effect::Sleep(time) => {
            std::thread::sleep(*time);
            Ok(())
        }
        Effect::Error(kind) => Err(Error::new(*kind, format!("failpoint {name}"))),
    }
}

fn trigger(text: &str) -> Option<Trigger> {
    let (failpoint, rest) = text.trim().split_once('=')?;
    let (effect, when) = rest.split_once('@').map_or((rest, None), |(effect, when)| (effect, Some(when)));
    let (from, to) = match when {
        None => (1, u32::MAX),
        Some(when) => match when.strip_suffix('+') {
            Some(from) => (from.parse().ok()?, u32::MAX),
            None => (when.parse().ok()?, when.parse().ok()?),
        },
    };
    let argument = |name: &str| effect.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let effect = match effect {
        "kill" => Effect::Kill,
        "pause" => Effect::Pause,
        _ => match (argument("sleep"), argument("error")) {
            (Some(ms), _) => Effect::Sleep(Duration::from_millis(ms.parse().ok()?)),
            (_, Some(name)) => {
                Effect::Error(KINDS.iter().map(|row| row.kind).find(|kind| format!("{kind:?}") == name)?)
            }
            _ => return None,
        },
    };
    Some(Trigger { failpoint: failpoint.to_owned(), effect, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_names_failpoint_effect_and_times() {
        let parsed = |text| trigger(text).map(|t| (t.effect, t.from, t.to));
        assert_eq!(parsed("a.b=kill"), Some((Effect::Kill, 1, u32::MAX)));
        assert_eq!(parsed("a=sleep(50)@3"), Some((Effect::Sleep(Duration::from_millis(50)), 3, 3)));
        assert_eq!(parsed("a=error(DatabaseFull)@2+"), Some((Effect::Error(Kind::DatabaseFull), 2, u32::MAX)));
        for wrong in ["a", "a=die", "a=sleep(x)", "a=error(Nothing)", "a=kill@", "a=kill@x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
