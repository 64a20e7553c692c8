//! Tasks that depend on each other: independent ones side by side, each after those it depends on, none after
//! a failed one.

use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::{Error, Result};
use crate::shutdown::Shutdown;

/// How a task ended.
#[derive(Debug)]
pub enum TaskEnd<T> {
    /// It is done, with this result.
    Done(T),
    /// It failed, with this error.
    Failed(Error),
    /// Not begun, because this other task failed or was itself skipped.
    Skipped(String),
    /// Not begun, because the job was asked to stop.
    Stopped,
}

/// One thing to do, and what must be done before it.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name; no two tasks share one.
    pub name: String,
    /// The names of the tasks that it depends on. Names that no task has do not matter.
    pub after: Vec<String>,
}

/// Works on the tasks, at most `lanes` at a time. Each begins as soon as those it depends on are done; where
/// several could begin, the first one given does. If a task fails, those that depend on it are skipped and
/// the others go on. Returns how each ended, in the order given.
///
/// Tasks that wait for each other in a circle end as [`TaskEnd::Stopped`].
pub async fn run<T, F, Fut>(tasks: &[Task], lanes: usize, shutdown: &Shutdown, work: F) -> Vec<TaskEnd<T>>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut ended: Vec<Option<TaskEnd<T>>> = tasks.iter().map(|_| None).collect();
    let mut begun = vec![false; tasks.len()];
    let mut running = FuturesUnordered::new();
    loop {
        skip(tasks, &mut ended);
        while running.len() < lanes.max(1) && !shutdown.is_requested() {
            let Some(next) = (0..tasks.len()).find(|i| !begun[*i] && is_ready(tasks, &ended, *i)) else { break };
            begun[next] = true;
            let future = work(next);
            running.push(async move { (next, future.await) });
        }
        match running.next().await {
            Some((i, Ok(value))) => ended[i] = Some(TaskEnd::Done(value)),
            Some((i, Err(error))) => ended[i] = Some(TaskEnd::Failed(error)),
            None => break,
        }
    }
    ended.into_iter().map(|e| e.unwrap_or(TaskEnd::Stopped)).collect()
}

/// The tasks that task `i` depends on.
fn before<'a>(tasks: &'a [Task], i: usize) -> impl Iterator<Item = usize> + 'a {
    tasks[i].after.iter().filter_map(|name| tasks.iter().position(|s| &s.name == name))
}

fn is_ready<T>(tasks: &[Task], ended: &[Option<TaskEnd<T>>], i: usize) -> bool {
    ended[i].is_none() && before(tasks, i).all(|b| matches!(ended[b], Some(TaskEnd::Done(_))))
}

/// Marks the tasks that depend on a failed one, and those that depend on them.
fn skip<T>(tasks: &[Task], ended: &mut [Option<TaskEnd<T>>]) {
    loop {
        let cause =
            |i: usize| before(tasks, i).find(|b| matches!(ended[*b], Some(TaskEnd::Failed(_) | TaskEnd::Skipped(_))));
        let Some((i, cause)) = (0..tasks.len()).filter(|i| ended[*i].is_none()).find_map(|i| Some((i, cause(i)?)))
        else {
            return;
        };
        ended[i] = Some(TaskEnd::Skipped(tasks[cause].name.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::Kind;

    fn tasks(text: &str) -> Vec<Task> {
        text.split_whitespace()
            .map(|task| {
                let (name, after) = task.split_once('<').unwrap_or((task, ""));
                let after = after.split(',').filter(|a| !a.is_empty()).map(str::to_owned).collect();
                Task { name: name.to_owned(), after }
            })
            .collect()
    }

    /// The order in which tasks were begun and done (`+a -a`), and how each ended.
    fn go(text: &str, lanes: usize, broken: &str) -> (String, String) {
        let tasks = tasks(text);
        let log = RefCell::new(Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ended = runtime.block_on(run(&tasks, lanes, &Shutdown::never(), |i| {
            let (name, log) = (tasks[i].name.clone(), &log);
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
            TaskEnd::Done(name) => name.clone(),
            TaskEnd::Failed(e) => format!("!{}", e.message()),
            TaskEnd::Skipped(because) => format!("?{because}"),
            TaskEnd::Stopped => "stopped".to_owned(),
        });
        let shown = shown.collect::<Vec<_>>().join(" ");
        (log.into_inner().join(" "), shown)
    }

    #[test]
    fn a_task_begins_when_those_before_it_are_done_and_independent_ones_run_side_by_side() {
        assert_eq!(go("d<a,b a b<x", 1, "").0, "+a -a +b -b +d -d");
        assert_eq!(go("a b c<a", 2, "").0, "+a +b -a +c -b -c");
        assert_eq!(go("a b c d", 2, "").0.matches('+').count(), 4);
        assert!(go("a b c d", 2, "").0.starts_with("+a +b -a +c"));
    }

    #[test]
    fn a_failed_task_skips_what_depends_on_it_and_nothing_else() {
        assert_eq!(go("a b c<a d<c e<b", 2, "a").1, "!a b ?a ?c e");
        assert_eq!(go("a b<a", 1, "").1, "a b");
    }

    #[test]
    fn tasks_in_a_circle_are_stopped_and_do_not_hang() {
        assert_eq!(go("a<b b<a c", 2, "").1, "stopped stopped c");
    }
}
