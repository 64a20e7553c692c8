//! What comes after what: independent steps side by side, a step after those it depends on, none after a failed one.

use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, Result};
use crate::shutdown::Shutdown;

/// How a step ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// Done.
    Done(T),
    /// Failed.
    Failed(Error),
    /// Not begun, because this other step failed or was itself skipped.
    Skipped(String),
    /// Not begun, because the job was asked to stop.
    Stopped,
}

/// One thing to do: its name and the names of the steps that must be done before. Names that are no steps of the same
/// order do not matter.
#[derive(Debug, Clone)]
pub struct Step {
    /// Name, given once in an order.
    pub name: String,
    /// What it depends on.
    pub after: Vec<String>,
}

/// Works on the steps, at most `lanes` at a time, each as soon as those before it are done and in the order given where
/// several could begin. A step that fails takes those that depend on it along; the others go on. Returns how each
/// ended, in the order given.
///
/// Steps that wait for each other in a circle are stopped.
pub async fn run<T, F, Fut>(steps: &[Step], lanes: usize, shutdown: &Shutdown, work: F) -> Vec<Ended<T>>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut ended: Vec<Option<Ended<T>>> = steps.iter().map(|_| None).collect();
    let mut begun = vec![false; steps.len()];
    let mut running = FuturesUnordered::new();
    loop {
        skip(steps, &mut ended);
        while running.len() < lanes.max(1) && !shutdown.is_requested() {
            let Some(next) = (0..steps.len()).find(|i| !begun[*i] && is_ready(steps, &ended, *i)) else { break };
            begun[next] = true;
            let future = work(next);
            running.push(async move { (next, future.await) });
        }
        match running.next().await {
            Some((i, Ok(value))) => ended[i] = Some(Ended::Done(value)),
            Some((i, Err(error))) => ended[i] = Some(Ended::Failed(error)),
            None => break,
        }
    }
    ended.into_iter().map(|e| e.unwrap_or(Ended::Stopped)).collect()
}

/// The steps of this order that come before step `i`.
fn before<'a>(steps: &'a [Step], i: usize) -> impl Iterator<Item = usize> + 'a {
    steps[i].after.iter().filter_map(|name| steps.iter().position(|s| &s.name == name))
}

fn is_ready<T>(steps: &[Step], ended: &[Option<Ended<T>>], i: usize) -> bool {
    ended[i].is_none() && before(steps, i).all(|b| matches!(ended[b], Some(Ended::Done(_))))
}

/// Marks the steps behind a failed one, and those behind them.
fn skip<T>(steps: &[Step], ended: &mut [Option<Ended<T>>]) {
    loop {
        let cause =
            |i: usize| before(steps, i).find(|b| matches!(ended[*b], Some(Ended::Failed(_) | Ended::Skipped(_))));
        let Some((i, cause)) = (0..steps.len()).filter(|i| ended[*i].is_none()).find_map(|i| Some((i, cause(i)?)))
        else {
            return;
        };
        ended[i] = Some(Ended::Skipped(steps[cause].name.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::Kind;

    fn steps(text: &str) -> Vec<Step> {
        text.split_whitespace()
            .map(|step| {
                let (name, after) = step.split_once('<').unwrap_or((step, ""));
                let after = after.split(',').filter(|a| !a.is_empty()).map(str::to_owned).collect();
                Step { name: name.to_owned(), after }
            })
            .collect()
    }

    /// What was begun and done in which order (`+a -a`), and how each ended.
    fn go(text: &str, lanes: usize, broken: &str) -> (String, String) {
        let steps = steps(text);
        let log = RefCell::new(Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(run(&steps, lanes, &Shutdown::never(), |i| {
            let (name, log) = (steps[i].name.clone(), &log);
            async move {
                log.borrow_mut().push(format!("+{name}"));
                // Turns and not time: a busy machine changes nothing about their order.
                for _ in 0..3 * (i + 1) {
                    tokio::task::yield_now().await;
                }
                log.borrow_mut().push(format!("-{name}"));
                if broken.contains(&name) { Err(Error::new(Kind::CheckFailed, name)) } else { Ok(name) }
            }
        }));
        let shown = ended.iter().map(|e| match e {
            Ended::Done(name) => name.clone(),
            Ended::Failed(e) => format!("!{}", e.message()),
            Ended::Skipped(because) => format!("?{because}"),
            Ended::Stopped => "stopped".to_owned(),
        });
        let shown = shown.collect::<Vec<_>>().join(" ");
        (log.into_inner().join(" "), shown)
    }

    #[test]
    fn a_step_begins_when_those_before_it_are_done_and_independent_ones_run_side_by_side() {
        assert_eq!(go("d<a,b a b<x", 1, "").0, "+a -a +b -b +d -d");
        assert_eq!(go("a b c<a", 2, "").0, "+a +b -a +c -b -c");
        assert_eq!(go("a b c d", 2, "").0.matches('+').count(), 4);
        assert!(go("a b c d", 2, "").0.starts_with("+a +b -a +c"));
    }

    #[test]
    fn a_failed_step_takes_along_what_depends_on_it_and_nothing_else() {
        assert_eq!(go("a b c<a d<c e<b", 2, "a").1, "!a b ?a ?c e");
        assert_eq!(go("a b<a", 1, "").1, "a b");
    }

    #[test]
    fn steps_in_a_circle_are_stopped_and_do_not_hang() {
        assert_eq!(go("a<b b<a c", 2, "").1, "stopped stopped c");
    }
}
