//! What an answer that brings no records means, in one line that says what to do.

use std::error::Error as StdError;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{Error, Kind};

/// What a status means; `None` for one that brings a body.
pub(super) fn of_status(status: u16, shown: &str, retry_after: Option<Duration>) -> Option<Error> {
    let error = match status {
        200..=299 => return None,
        401 | 403 => Error::new(Kind::SourceInvalid, format!("{shown} refuses the credentials: status {status}"))
            .hint("check the variables that the source's auth names, and what the credential may read"),
        404 | 410 => Error::new(Kind::SourceInvalid, format!("{shown} has nothing there: status {status}"))
            .hint("check the source's url and the query's path; empty = [404] says that it means \"no records\""),
        408 | 425 | 429 | 500..=599 => {
            let error = Error::new(Kind::SourceUnavailable, format!("{shown} answered with status {status}"));
            return Some(match retry_after {
                Some(pause) => error.with_retry_after(pause),
                None => error,
            });
        }
        300..=399 => Error::new(Kind::SourceInvalid, format!("{shown} points elsewhere: status {status}"))
            .hint("credentials go to the declared address only; declare the one that it points to"),
        _ => Error::new(Kind::SourceInvalid, format!("{shown} refuses the request: status {status}"))
            .hint("`evo extract --try` shows one page of a query"),
    };
    Some(error)
}

/// Whether every other window would fail in the same way.
pub(super) fn is_for_all(status: u16) -> bool {
    matches!(status, 300..=399 | 401 | 403 | 404)
}

/// What a request without an answer means. Its address is left out: it may hold what somebody put into a
/// parameter.
pub(super) fn of_transport(e: reqwest::Error, shown: &str) -> Error {
    let (is_timeout, is_connect, e) = (e.is_timeout(), e.is_connect(), e.without_url());
    let tls = find::<rustls::Error>(&e).map(ToString::to_string);
    let error = match tls {
        Some(why) => Error::new(Kind::SourceInvalid, format!("the certificate of {shown} is not accepted"))
            .detail(why)
            .hint("check the source's url, and the roots that this machine trusts"),
        None if is_timeout => Error::new(Kind::SourceUnavailable, format!("{shown} did not answer in time")),
        None if is_connect => {
            let error = Error::new(Kind::SourceUnavailable, format!("{shown} cannot be reached"));
            error.detail(innermost(&e)).hint("check the source's url and the network")
        }
        None => Error::new(Kind::SourceUnavailable, format!("the answer of {shown} was cut")).detail(innermost(&e)),
    };
    error.caused_by(e)
}

fn find<'a, T: StdError + 'static>(e: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref() {
            return Some(found);
        }
        if let Some(inner) = e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = e.source();
    }
    None
}

fn innermost(e: &(dyn StdError + 'static)) -> String {
    let mut e = e;
    while let Some(cause) = e.source() {
        e = cause;
    }
    e.to_string()
}

/// `Retry-After`: seconds, or the date until which to wait.
pub(super) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some((until.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "2026-01-10T08:49:30Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sat, 10 Jan 2026 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn a_status_says_whether_time_can_heal_it() {
        for (status, kind) in [
            (401, Kind::SourceInvalid),
            (403, Kind::SourceInvalid),
            (404, Kind::SourceInvalid),
            (400, Kind::SourceInvalid),
            (302, Kind::SourceInvalid),
            (429, Kind::SourceUnavailable),
            (503, Kind::SourceUnavailable),
            (500, Kind::SourceUnavailable),
        ] {
            assert_eq!(of_status(status, "evo", None).unwrap().kind(), kind, "{status}");
        }
        assert!(of_status(200, "evo", None).is_none());
    }
}
