//! Choosing a server: all hosts of the address and all addresses of each, in order.
//!
//! Names are resolved at every attempt, so that the new address after a failover is found.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use super::connect_error::unreachable;
use super::dial::Route;
use super::open::{Connected, open};
use super::settings::{self, ServerTraits};
use super::suitable::{self, Demand};
use crate::config::dsn::{Dsn, Server, TargetSession};
use crate::error::{Error, Kind, Result};

/// `connect_timeout=0` means no limit in libpq; evo stops after an hour.
const NO_LIMIT: Duration = Duration::from_secs(3600);

/// Connects to the first suitable server. Tries all addresses of each host, in the order of the address.
///
/// # Errors
/// `DatabaseUnavailable` when none answers or all that do are standbys, `DatabaseFull` when the primary takes
/// no writes, `AccessDenied`, or `Config` for a database or certificate that does not exist.
pub(super) async fn connect_for(dsn: &Dsn, application_name: &str, demand: Demand) -> Result<Connected> {
    use TargetSession as T;
    super::server_error::connects_as(&dsn.user);
    let wanted = |target| Wanted { name: shown_name(application_name), demand, target };
    match (demand, dsn.target) {
        (Demand::Writable, T::Standby | T::ReadOnly) => Err(Error::new(
            Kind::Config,
            format!("target_session_attrs={} is refused: this command writes", dsn.target.name()),
        )
        .hint("leave it out, or use primary; `evo status` and `evo check` read from a standby")),
        // The check of the session can tell a standby from a full server.
        (Demand::Writable, _) => first_suitable(dsn, &wanted(T::Any)).await,
        (Demand::AnyServer, T::PreferStandby) => match first_suitable(dsn, &wanted(T::Standby)).await {
            Err(error) if error.kind() == Kind::DatabaseUnavailable => first_suitable(dsn, &wanted(T::Any)).await,
            other => other,
        },
        (Demand::AnyServer, target) => first_suitable(dsn, &wanted(target)).await,
    }
}

/// The session to open: its name, and the server that it must lead to.
struct Wanted {
    /// Its `application_name`, as the server will show it.
    name: String,
    demand: Demand,
    target: TargetSession,
}

async fn first_suitable(dsn: &Dsn, wanted: &Wanted) -> Result<Connected> {
    let mut found: Option<Error> = None;
    for server in in_order(dsn, &dsn.servers) {
        let addresses = match resolve(server).await {
            Ok(addresses) => addresses,
            Err(e) => {
                let error = unreachable(dsn, &e.to_string()).caused_by(e);
                found = Some(more_telling(found, error));
                continue;
            }
        };
        for address in in_order(dsn, &addresses) {
            let route = Route { server: server.clone(), address: *address };
            let limit = if dsn.connect_timeout.is_zero() { NO_LIMIT } else { dsn.connect_timeout };
            // On the heap: every statement may have to open a connection to ask about the first one.
            let opened = Box::pin(open_with_settings(dsn, &route, wanted));
            let error = match tokio::time::timeout(limit, opened).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => error,
                Err(_) => unreachable(dsn, &format!("no answer within {limit:?}")),
            };
            match error.kind() {
                Kind::DatabaseUnavailable | Kind::DatabaseBusy | Kind::DatabaseFull => {
                    found = Some(more_telling(found, error));
                }
                _ => return Err(error),
            }
        }
    }
    Err(found.unwrap_or_else(|| unreachable(dsn, "its name has no address")))
}

/// The items in the given order, or rotated by chance (`load_balance_hosts=random`).
fn in_order<'a, T>(dsn: &Dsn, all: &'a [T]) -> Vec<&'a T> {
    let mut list: Vec<&T> = all.iter().collect();
    if dsn.balances_load && !list.is_empty() {
        let by = RandomState::new().hash_one(0) as usize % list.len();
        list.rotate_left(by);
    }
    list
}

/// Which of the errors of several servers to report: that of a full primary, or else the newest.
fn more_telling(before: Option<Error>, now: Error) -> Error {
    match before {
        Some(before) if before.kind() == Kind::DatabaseFull => before,
        _ => now,
    }
}

/// The addresses of a host, resolved each time; `None` for a socket's folder, which has none.
async fn resolve(server: &Server) -> std::io::Result<Vec<Option<IpAddr>>> {
    if server.address.is_some() || server.is_socket() {
        return Ok(vec![server.address]);
    }
    let mut addresses: Vec<Option<IpAddr>> =
        tokio::net::lookup_host((server.host.as_str(), server.port)).await?.map(|address| Some(address.ip())).collect();
    addresses.dedup();
    Ok(addresses)
}

/// Opens a session with the settings that evo relies on; without them where they are refused.
async fn open_with_settings(dsn: &Dsn, route: &Route, wanted: &Wanted) -> Result<Connected> {
    let (host, port) = (route.server.host.as_str(), route.server.port);
    let known = settings::traits_of(host, port);
    let options = (!known.refuses_settings).then(|| settings::startup(known.major));
    let (mut connected, major) = match open(dsn, route, &wanted.name, options).await {
        Err(error) if !known.refuses_settings && settings::are_refused(&error) => {
            tracing::debug!(error = error.message(), "the startup parameters are refused, as poolers do");
            settings::learn(host, port, ServerTraits { refuses_settings: true, ..known });
            return Box::pin(open_with_settings(dsn, route, wanted)).await;
        }
        opened => opened?,
    };
    connected.has_settings = !known.refuses_settings;
    settings::learn(host, port, ServerTraits { major: Some(major), ..known });
    if wanted.demand == Demand::Writable || wanted.target != TargetSession::Any {
        let facts = suitable::check(&connected, wanted.demand, wanted.target).await?;
        // A parameter that only later versions know was not sent to the first connection.
        if facts.has_transaction_timeout && !known.refuses_settings && known.major.is_none() {
            return Box::pin(open_with_settings(dsn, route, wanted)).await;
        }
        connected.prologue = settings::prologue(major, &facts.inherited).into();
        (connected.backend, connected.inherited) = (facts.backend, facts.inherited);
    }
    Ok(connected)
}

/// A name as the server shows it: at most 63 bytes of printable ASCII. Sessions are looked up by name, so
/// both must agree. The beginning of a long name says what the session is, its end which one.
fn shown_name(name: &str) -> String {
    const LIMIT: usize = 63;
    const END: usize = 20;
    let name: String = name.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).collect();
    if name.len() <= LIMIT {
        return name;
    }
    format!("{}~{}", &name[..LIMIT - END - 1], &name[name.len() - END..])
}
