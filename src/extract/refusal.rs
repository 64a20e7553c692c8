//! The meaning of an answer that brings no records, in one line that says what to do.

use std::error::Error as StdError;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{Error, Kind};

/// The longest pause that a source can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// The error that a status stands for; `None` for one that brings a body.
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

/// The error for a request without an answer. Its address is left out: it may hold what somebody put into a
/// parameter.
pub(super) fn of_transport(e: reqwest::Error, shown: &str) -> Error {
    let (is_timeout, is_connect, e) = (e.is_timeout(), e.is_connect(), e.without_url());
    let error = match find::<rustls::Error>(&e) {
        Some(tls) => of_tls(tls, shown),
        None if is_timeout => Error::new(Kind::SourceUnavailable, format!("{shown} did not answer in time")),
        None if is_connect => {
            let error = Error::new(Kind::SourceUnavailable, format!("{shown} cannot be reached"));
            error.detail(innermost(&e)).hint("check the source's url and the network")
        }
        None => Error::new(Kind::SourceUnavailable, format!("the answer of {shown} was cut")).detail(innermost(&e)),
    };
    error.caused_by(e)
}

/// Whether there was no connection to the source, so that no other window can be read either.
pub(super) fn is_unreachable(error: &Error) -> bool {
    find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_connect)
}

/// The reason why there is no protected connection. A certificate does not become another one while evo
/// waits.
fn of_tls(tls: &rustls::Error, shown: &str) -> Error {
    let error = match tls {
        rustls::Error::InvalidCertificate(_) => {
            Error::new(Kind::SourceInvalid, format!("the certificate of {shown} is not accepted"))
                .hint("check the source's url, and the roots that this machine trusts")
        }
        rustls::Error::InvalidMessage(_) => {
            Error::new(Kind::SourceInvalid, format!("{shown} does not speak TLS there"))
                .hint("check host and port of the source's url")
        }
        _ => Error::new(Kind::SourceUnavailable, format!("no protected connection to {shown} can be set up"))
            .hint("check the source's url, and the proxies between it and this machine"),
    };
    error.detail(tls.to_string())
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

/// `Retry-After`: seconds, or the date until which to wait. A day at most: a source that says more is asked
/// again then.
pub(super) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        true => Duration::from_secs(text.parse().unwrap_or(u64::MAX)),
        false => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "2026-01-10T08:49:30Z".parse().unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sat, 10 Jan 2026 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sat, 10 Jan 2026 08:49:00 GMT", now), Some(Duration::ZERO), "it is over");
        for never in ["99999999999999999999999", "31536000", "Thu, 10 Jan 2126 08:49:37 GMT"] {
            assert_eq!(retry_after(never, now), Some(LONGEST_WAIT), "{never}");
        }
        assert_eq!([retry_after("soon", now), retry_after("", now), retry_after("-1", now)], [None; 3]);
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
