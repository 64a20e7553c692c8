//! `evo generate --serve`: the generated world behind an imitation of the vendor's API.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, Utc};
use evo_generator::Plan;
use evo_generator::serve::{Faults, Limit, PASSWORD, Server, Terms, USER, parse_faults, parse_limits};
use serde_json::json;

use crate::config;
use crate::error::{Error, Kind, Result};
use crate::report::Outcome;
use crate::report::units::{count, counted};
use crate::shutdown::Shutdown;

/// Flags that say how the world is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "As an API")]
pub(super) struct ServeArgs {
    /// Serves the world as the vendor's API does instead of writing a lake, until SIGINT or SIGTERM; port 0
    /// takes a free one. The user is gym, the password secret
    #[arg(long, value_name = "ADDR:PORT", value_parser = config::socket)]
    pub(super) serve: Option<SocketAddr>,
    /// Rate limits, all of which hold: N/s, N/min, N/h, or none
    #[arg(long, value_name = "LIMITS", default_value = "40/min,10000/h", value_parser = limits, requires = "serve")]
    limit: Arc<[Limit]>,
    /// What goes wrong: a status such as 500, cut, html, shape, slow(MS), remove, insert; @N for the Nth
    /// request, @N+ from then on; several between semicolons
    #[arg(long, value_name = "FAULTS", default_value = "", value_parser = faults, requires = "serve")]
    faults: Arc<Faults>,
    /// Where the clock of the API begins [default: noon of --first-run, UTC]
    #[arg(long, value_name = "TIME", value_parser = config::moment, requires = "serve")]
    clock: Option<DateTime<Utc>>,
    /// How long each answer takes at least
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = config::time(60), requires = "serve")]
    latency: Duration,
}

fn limits(text: &str) -> std::result::Result<Arc<[Limit]>, String> {
    parse_limits(text).map(Into::into)
}

fn faults(text: &str) -> std::result::Result<Arc<Faults>, String> {
    parse_faults(text).map(Arc::new)
}

/// Serves until a stop is requested. The address is printed first, on a line of its own.
///
/// # Errors
/// `Usage` when the address cannot be bound.
pub(super) async fn run(args: &ServeArgs, address: SocketAddr, plan: &Plan) -> Result<Outcome> {
    let shutdown = Shutdown::listen()?;
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
    let terms = Terms {
        limits: args.limit.to_vec(),
        faults: Arc::clone(&args.faults),
        now: args.clock.unwrap_or_else(|| plan.first_run.and_time(noon).and_utc()),
        latency: args.latency,
    };
    let server = Server::bind(address, plan, terms).await.map_err(super::refused)?;
    let bound = server.address().ok_or_else(|| Error::new(Kind::Internal, "a socket has no address"))?;
    // The process that started this one waits for the line. If it has ended, that is no reason to stop.
    let _ = writeln!(std::io::stdout(), "http://{bound}");
    tracing::info!(address = %bound, user = USER, password = PASSWORD, "serving the generated world");
    let served = server.run(shutdown.requested()).await;
    let text = format!(
        "{} answered with {}, {} refused by the limit",
        counted(served.requests, "request", "requests"),
        counted(served.records, "record", "records"),
        count(served.throttled)
    );
    let json = json!({ "requests": served.requests, "records": served.records, "throttled": served.throttled });
    Ok(Outcome::new(text, json))
}
