//! Faults on demand: `500@3;cut@5+`. What goes wrong, and with which of the requests that follow.

use std::time::Duration;

use parking_lot::Mutex;

/// A fault in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This status, without data; 429 and 503 with `Retry-After: 1`.
    Status(u16),
    /// Half of the body, then the connection closes.
    Cut,
    /// An error page with status 200.
    Html,
    /// JSON that is not the declared shape, with status 200.
    Shape,
    /// The answer takes this much longer.
    Slow(Duration),
    /// The first record of the window disappears before the page is cut out.
    Remove,
    /// The record that disappeared first is there again.
    Insert,
}

/// A fault and the requests that it concerns, counted from 1 since the faults were set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    fault: Fault,
    from: u64,
    to: u64,
}

/// The faults of a server, and how many requests it has seen since they were set.
#[derive(Debug, Default)]
pub struct Faults(Mutex<(Vec<Step>, u64)>);

/// Reads `500@3;cut@5+;slow(200)@2`: `@N` is for the Nth request from now, `@N+` from then on, nothing for
/// all.
///
/// # Errors
/// A sentence that says what is expected.
pub fn parse_faults(text: &str) -> Result<Faults, String> {
    let faults = Faults::default();
    faults.set(text)?;
    Ok(faults)
}

impl Faults {
    /// Replaces the faults; requests are counted from here.
    ///
    /// # Errors
    /// As [`parse_faults`].
    pub fn set(&self, text: &str) -> Result<(), String> {
        let steps = text.split(';').map(str::trim).filter(|s| !s.is_empty()).map(step).collect::<Result<_, _>>()?;
        *self.0.lock() = (steps, 0);
        Ok(())
    }

    /// Counts a request; the faults that concern it.
    pub(super) fn next(&self) -> Vec<Fault> {
        let mut state = self.0.lock();
        state.1 += 1;
        let number = state.1;
        state.0.iter().filter(|step| (step.from..=step.to).contains(&number)).map(|step| step.fault).collect()
    }
}

fn step(text: &str) -> Result<Step, String> {
    let wrong = || {
        let known = "a status such as 500, cut, html, shape, slow(MS), remove or insert";
        format!("expected {known}, followed by @N or @N+ if not for all; found {text:?}")
    };
    let (name, when) = text.split_once('@').map_or((text, None), |(name, when)| (name, Some(when)));
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0).ok_or_else(wrong);
    let (from, to) = match when.map(|when| (when, when.strip_suffix('+'))) {
        None => (1, u64::MAX),
        Some((_, Some(from))) => (number(from)?, u64::MAX),
        Some((only, None)) => (number(only)?, number(only)?),
    };
    let fault = match name {
        "cut" => Fault::Cut,
        "html" => Fault::Html,
        "shape" => Fault::Shape,
        "remove" => Fault::Remove,
        "insert" => Fault::Insert,
        _ => match name.strip_prefix("slow(").and_then(|rest| rest.strip_suffix(')')) {
            Some(ms) => Fault::Slow(Duration::from_millis(number(ms)?)),
            None => Fault::Status(name.parse().ok().filter(|s| (300..600).contains(s)).ok_or_else(wrong)?),
        },
    };
    Ok(Step { fault, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_concern_the_requests_that_they_name() {
        let faults = parse_faults("500@2; cut@3+; slow(20)@1").unwrap();
        assert_eq!(faults.next(), [Fault::Slow(Duration::from_millis(20))]);
        assert_eq!(faults.next(), [Fault::Status(500)]);
        assert_eq!([faults.next(), faults.next()], [[Fault::Cut], [Fault::Cut]]);
        faults.set("html").unwrap();
        assert_eq!(faults.next(), [Fault::Html]);
        faults.set("").unwrap();
        assert!(faults.next().is_empty());
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for wrong in ["200", "cut@0", "cut@x", "slow(x)", "nothing", "700"] {
            assert!(parse_faults(wrong).unwrap_err().contains("slow(MS)"), "{wrong}");
        }
    }
}
