//! The plan of `EVO_FAILPOINTS`, and carrying it out.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// The environment variable with the plan.
pub const VARIABLE: Option<&str> = Some("EVO_FAILPOINTS");

static PLAN: OnceLock<Plan> = OnceLock::new();

/// What happens where, and how often each place was reached.
#[derive(Debug, Default)]
struct Plan {
    steps: Vec<Step>,
    reached: Mutex<BTreeMap<&'static str, u32>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    place: String,
    action: Action,
    from: u32,
    to: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    Kill,
    Pause,
    Sleep(Duration),
    Error(Kind),
}

/// Takes the plan, once a process.
///
/// # Errors
/// `Config` when it is not understood.
pub fn arm(text: Option<&str>) -> Result<()> {
    let steps = text.unwrap_or_default().split(';').filter(|s| !s.trim().is_empty()).map(step);
    let steps = steps.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Kind::Config, "EVO_FAILPOINTS is not understood").hint(
            "place=kill, place=pause, place=sleep(MS) or place=error(KIND), each with @N or @N+, between semicolons",
        )
    })?;
    let _ = PLAN.set(Plan { steps, reached: Mutex::default() });
    Ok(())
}

/// The place was reached: does what the plan says.
///
/// # Errors
/// The one that the plan asks for.
pub fn hit(place: &'static str) -> Result<()> {
    let Some(plan) = PLAN.get().filter(|plan| plan.steps.iter().any(|step| step.place == place)) else {
        return Ok(());
    };
    let time = plan.reached.lock().map_or(0, |mut reached| {
        let count = reached.entry(place).or_default();
        *count += 1;
        *count
    });
    let step = plan.steps.iter().find(|step| step.place == place && (step.from..=step.to).contains(&time));
    let Some(Step { action, .. }) = step else { return Ok(()) };
    let _ = writeln!(std::io::stderr(), "failpoint {place}: {action:?}");
    match action {
        Action::Kill => {
            // SAFETY: kill and getpid have no preconditions; nothing comes after.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            Ok(())
        }
        Action::Pause => loop {
            std::thread::park();
        },
        Action::Sleep(time) => {
            std::thread::sleep(*time);
            Ok(())
        }
        Action::Error(kind) => Err(Error::new(*kind, format!("failpoint {place}"))),
    }
}

fn step(text: &str) -> Option<Step> {
    let (place, rest) = text.trim().split_once('=')?;
    let (action, when) = rest.split_once('@').map_or((rest, None), |(action, when)| (action, Some(when)));
    let (from, to) = match when {
        None => (1, u32::MAX),
        Some(when) => match when.strip_suffix('+') {
            Some(from) => (from.parse().ok()?, u32::MAX),
            None => (when.parse().ok()?, when.parse().ok()?),
        },
    };
    let argument = |name: &str| action.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let action = match action {
        "kill" => Action::Kill,
        "pause" => Action::Pause,
        _ => match (argument("sleep"), argument("error")) {
            (Some(ms), _) => Action::Sleep(Duration::from_millis(ms.parse().ok()?)),
            (_, Some(name)) => Action::Error(Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == name)?),
            _ => return None,
        },
    };
    Some(Step { place: place.to_owned(), action, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_places_actions_and_times() {
        let parsed = |text| step(text).map(|s| (s.action, s.from, s.to));
        assert_eq!(parsed("a.b=kill"), Some((Action::Kill, 1, u32::MAX)));
        assert_eq!(parsed("a=sleep(50)@3"), Some((Action::Sleep(Duration::from_millis(50)), 3, 3)));
        assert_eq!(parsed("a=error(DatabaseFull)@2+"), Some((Action::Error(Kind::DatabaseFull), 2, u32::MAX)));
        for wrong in ["a", "a=die", "a=sleep(x)", "a=error(Nothing)", "a=kill@", "a=kill@x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
