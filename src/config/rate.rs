//! Rate limits as people write them: `40/min`, `10000/h`, `40/min 05:00-24:00`.

use std::time::Duration;

/// A limit: at most `count` requests in any stretch of the length `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests in one stretch.
    pub count: u32,
    /// Length of the stretch.
    pub per: Duration,
    /// Minutes of the day, in the source's zone, between which it holds; `None` is always.
    pub minutes: Option<(u16, u16)>,
}

/// Reads a list of limits; `none` is no limit.
///
/// # Errors
/// The expected form, to follow "must be".
pub(super) fn parse_rates(texts: &[&str]) -> Result<Vec<Rate>, String> {
    match texts {
        ["none"] => Ok(Vec::new()),
        [] => Err(expected()),
        texts => texts.iter().map(|text| rate(text)).collect(),
    }
}

/// Reads one limit.
///
/// # Errors
/// The expected form, to follow "must be".
fn rate(text: &str) -> Result<Rate, String> {
    let mut words = text.split_whitespace();
    let (count, unit) = words.next().and_then(|word| word.split_once('/')).ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        _ => return Err(expected()),
    };
    let count = count.parse().ok().filter(|count| (1..=1_000_000).contains(count)).ok_or_else(expected)?;
    let minutes = match words.next() {
        None => None,
        Some(hours) => {
            Some(hours.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?))).ok_or_else(expected)?)
        }
    };
    if words.next().is_some() || minutes.is_some_and(|(from, to)| from >= to) {
        return Err(expected());
    }
    Ok(Rate { count, per: Duration::from_secs(seconds), minutes })
}

/// Reads the limit that a flag gives.
///
/// # Errors
/// What was expected, and what was found.
pub fn given_rate(text: &str) -> Result<Rate, String> {
    let expected = r#"a limit such as 40/min, 10/s, 10000/h or "40/min 05:00-24:00""#;
    rate(text).map_err(|_| format!("expected {expected}, found {text:?}"))
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60).then(|| hours * 60 + minutes).filter(|minute| *minute <= 24 * 60)
}

fn expected() -> String {
    "limits such as \"40/min\", \"10/s\", \"10000/h\" or \"40/min 05:00-24:00\", or \"none\"".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_unit_and_may_have_hours() {
        let per = |seconds| Duration::from_secs(seconds);
        assert_eq!(rate("40/min").unwrap(), Rate { count: 40, per: per(60), minutes: None });
        assert_eq!(rate("5/s 05:00-24:00").unwrap(), Rate { count: 5, per: per(1), minutes: Some((300, 1440)) });
        assert!(parse_rates(&["none"]).unwrap().is_empty());
        for wrong in
            ["", "40", "0/min", "40/day", "40/min 5-6", "40/min 06:00-05:00", "40/min 05:00-24:01", "1/s 01:00-02:00 x"]
        {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        assert!(parse_rates(&["none", "40/min"]).is_err() && parse_rates(&[]).is_err());
    }
}
