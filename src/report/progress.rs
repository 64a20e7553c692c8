//! The progress of a job: a bar for each phase on a terminal, a log line from time to time elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use super::units;
use crate::config::{self, LogFormat, Settings};
use crate::logging;
use crate::meter::{Gauge, Meter, Unit};

/// How often bars are redrawn.
const REDRAW: Duration = Duration::from_millis(200);
/// A bar of fewer columns says nothing.
const SHORTEST_BAR: usize = 8;

/// A job whose progress is shown, until this is dropped.
#[derive(Debug)]
pub struct Watched {
    /// The job counts its work here.
    pub meter: Meter,
    stop: Option<Sender<()>>,
    watcher: Option<JoinHandle<()>>,
}

/// Starts to show the progress of a job, in the way that the settings ask for. Takes a thread that mostly
/// sleeps.
pub fn watch(settings: &Settings) -> Watched {
    let meter = Meter::default();
    let every = match settings.progress {
        config::Progress::Hidden => return Watched { meter, stop: None, watcher: None },
        config::Progress::Bars => REDRAW,
        config::Progress::Lines(every) => every,
    };
    let (bars_wanted, json) = (settings.progress == config::Progress::Bars, settings.log_format == LogFormat::Json);
    let (stop, stopped) = channel();
    let watched = meter.clone();
    let watcher = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
        let (mut bars, began) = (Bars::default(), Instant::now());
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            match bars_wanted {
                true => bars.draw(&watched),
                false => log(&watched, json, began.elapsed()),
            }
        }
    });
    // Without a thread the job runs unwatched.
    Watched { meter, stop: Some(stop), watcher: watcher.ok() }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// The bars on the terminal, by phase.
#[derive(Default)]
struct Bars(HashMap<usize, ProgressBar>);

impl Bars {
    fn draw(&mut self, meter: &Meter) {
        let phases = meter.phases();
        let id = |gauge: &Arc<Gauge>| Arc::as_ptr(gauge) as usize;
        let columns = config::columns_of_stderr().unwrap_or(80).saturating_sub(1);
        self.0.retain(|known, bar| {
            let lives = phases.iter().any(|gauge| id(gauge) == *known);
            if !lives {
                bar.finish_and_clear();
                logging::bars().remove(bar);
            }
            lives
        });
        for gauge in &phases {
            let bar = self.0.entry(id(gauge)).or_insert_with(|| {
                let bar = logging::bars().add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("{msg}") {
                    bar.set_style(style);
                }
                bar
            });
            bar.set_message(drawn(gauge, columns));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.0.values() {
            bar.finish_and_clear();
        }
    }
}

/// One line of at most `columns`: label, bar, percentage, amount, time left. What does not fit is omitted
/// from the end.
fn drawn(gauge: &Gauge, columns: usize) -> String {
    let mut line = terminal::cut(&gauge.label, columns);
    let mut rest = vec![match gauge.total() {
        0 => amount(gauge),
        total => format!("{:>3} %", (gauge.done().min(total) * 100) / total),
    }];
    if gauge.total() > 0 {
        rest.push(amount(gauge));
    }
    if gauge.unit == Unit::Requests {
        rest.push(per_minute(gauge));
    }
    rest.push(match gauge.left() {
        Some(left) => format!("{} left", units::duration(left)),
        None => units::duration(gauge.elapsed()),
    });
    let used = |line: &str, rest: &[String]| {
        terminal::width_of(line) + rest.iter().map(|r| terminal::width_of(r) + 2).sum::<usize>()
    };
    while !rest.is_empty() && used(&line, &rest) > columns {
        rest.pop();
    }
    let room = columns.saturating_sub(used(&line, &rest) + 2);
    if gauge.total() > 0 && room >= SHORTEST_BAR {
        let length = room.min(30);
        let full = ((gauge.done().min(gauge.total()) as usize) * length) / gauge.total() as usize;
        line += &format!("  {}{}", "━".repeat(full), "·".repeat(length - full));
    }
    for part in rest.iter().filter(|part| !part.is_empty()) {
        line += "  ";
        line += part;
    }
    line
}

/// `1,200/4,000 documents`, `1.2 GB/4.0 GB`.
fn amount(gauge: &Gauge) -> String {
    let (done, total) = (gauge.done(), gauge.total());
    match (gauge.unit, total) {
        (Unit::Nothing, _) => String::new(),
        (Unit::Bytes, 0) => units::bytes(done),
        (Unit::Bytes, _) => format!("{}/{}", units::bytes(done), units::bytes(total)),
        (Unit::Things(name), 0) => format!("{} {name}", units::count(done)),
        (Unit::Things(name), _) => format!("{}/{} {name}", units::count(done), units::count(total)),
        (Unit::Requests, _) => format!("{} requests", units::count(done)),
    }
}

/// `38/min`.
fn per_minute(gauge: &Gauge) -> String {
    format!("{}/min", units::count((gauge.rate() * 60.0).round() as u64))
}

/// A line for each phase in progress, or one that says that the job runs.
fn log(meter: &Meter, json: bool, running: Duration) {
    let phases = meter.phases();
    if phases.is_empty() {
        tracing::info!(elapsed_s = running.as_secs(), "running");
    }
    for gauge in phases {
        let (done, total, left) = (gauge.done(), gauge.total(), gauge.left());
        if !json {
            tracing::info!("{}", sentence(&gauge));
            continue;
        }
        let unit = match gauge.unit {
            Unit::Bytes => "bytes",
            Unit::Things(name) => name,
            Unit::Requests => "requests",
            Unit::Nothing => "",
        };
        tracing::info!(
            phase = gauge.label,
            done,
            total,
            unit,
            percent = (done.min(total) * 100).checked_div(total),
            per_second = (gauge.rate() * 10.0).round() / 10.0,
            elapsed_s = gauge.elapsed().as_secs(),
            left_s = left.map(|left| left.as_secs()),
            "progress"
        );
    }
}

/// `sales: filling: 1,200/4,000 documents (30 %), 410/s, about 6m 49s left`.
fn sentence(gauge: &Gauge) -> String {
    let (done, total) = (gauge.done(), gauge.total());
    let mut line = gauge.label.clone();
    if gauge.unit != Unit::Nothing {
        line += &format!(": {}", amount(gauge));
    }
    if let Some(percent) = (done.min(total) * 100).checked_div(total) {
        line += &format!(" ({percent} %)");
    }
    if done > 0 {
        line += &match gauge.unit {
            Unit::Bytes => format!(", {}/s", units::bytes(gauge.rate() as u64)),
            Unit::Requests => format!(", {}", per_minute(gauge)),
            _ if gauge.rate() < 10.0 => format!(", {:.1}/s", gauge.rate()),
            _ => format!(", {}/s", units::count(gauge.rate() as u64)),
        };
    }
    line + &match gauge.left() {
        Some(left) => format!(", about {} left", units::duration(left)),
        None => format!(", for {}", units::duration(gauge.elapsed())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fits_any_width_and_keeps_what_matters_most() {
        let meter = Meter::default();
        let phase = meter.phase("sales: filling", 4_000, Unit::Things("documents"));
        phase.add(1_200);
        let gauge = &meter.phases()[0];
        for columns in 1..200 {
            let line = drawn(gauge, columns);
            assert!(terminal::width_of(&line) <= columns, "{columns}: {line:?}");
        }
        let line = drawn(gauge, 79);
        assert!(line.contains(" 30 %  1,200/4,000 documents  ") && line.contains('━'), "{line}");
        assert_eq!(drawn(gauge, 21), "sales: filling   30 %");
        let wide = meter.phase("entries: 索引を作る", 0, Unit::Nothing);
        assert!(terminal::width_of(&drawn(&meter.phases()[1], 16)) <= 16);
        drop(wide);
    }

    #[test]
    fn a_line_says_how_much_is_done_how_fast_and_how_long_it_will_take() {
        let meter = Meter::default();
        let phase = meter.phase("load sales", 4_000_000, Unit::Bytes);
        phase.add(1_000_000);
        let line = sentence(&meter.phases()[0]);
        assert!(line.starts_with("load sales: 1.00 MB/4.00 MB (25 %), ") && line.ends_with(" left"), "{line}");
        drop(phase);
        let requests = meter.phase("sales: asking", 0, Unit::Requests);
        requests.add(1_000_000);
        let line = sentence(&meter.phases()[0]);
        assert!(line.starts_with("sales: asking: 1,000,000 requests, ") && line.contains("/min, for "), "{line}");
        assert!(drawn(&meter.phases()[0], 80).contains("/min"));
        drop(requests);
        let unknown = meter.phase("sales: checking", 0, Unit::Nothing);
        assert!(sentence(&meter.phases()[0]).starts_with("sales: checking, for "));
        drop(unknown);
    }
}
