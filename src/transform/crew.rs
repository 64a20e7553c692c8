//! Workers that take items from one queue, side by side.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::Result;
use crate::shutdown::Shutdown;

/// The items that no worker has taken yet, in order.
#[derive(Debug)]
pub(super) struct Queue<T>(Mutex<VecDeque<T>>);

impl<T> Queue<T> {
    pub(super) fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self(Mutex::new(items.into_iter().collect()))
    }

    /// Adds an item in front of all others. That is safe from within the work on another item: at least the
    /// worker that adds it is still there to take it.
    pub(super) fn put_first(&self, item: T) {
        self.0.lock().push_front(item);
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn take(&self) -> Option<T> {
        self.0.lock().pop_front()
    }
}

/// Workers that share a queue, until a stop is requested.
#[derive(Debug)]
pub(super) struct Crew<'a> {
    workers: usize,
    shutdown: &'a Shutdown,
}

impl<'a> Crew<'a> {
    /// A crew of `workers`, but of at least one.
    pub(super) fn new(workers: usize, shutdown: &'a Shutdown) -> Self {
        Self { workers: workers.max(1), shutdown }
    }

    /// Works on all items of the queue. Returns what each gave, in no particular order.
    ///
    /// # Errors
    /// The error of an item, or [`Shutdown::error`]. No item is begun after that; those under way are
    /// finished first.
    pub(super) async fn work_off<T, R>(&self, queue: &Queue<T>, work: impl AsyncFn(T) -> Result<R>) -> Result<Vec<R>> {
        let failed = AtomicBool::new(false);
        let worker = async || {
            let mut results = Vec::new();
            while let Some(item) = queue.take() {
                if self.shutdown.is_requested() {
                    return Err(self.shutdown.error());
                }
                if failed.load(Ordering::Relaxed) {
                    break;
                }
                match work(item).await {
                    Ok(result) => results.push(result),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
            Ok(results)
        };
        let ended = futures_util::future::join_all((0..self.workers).map(|_| worker())).await;
        let mut all = Vec::new();
        for results in ended {
            all.extend(results?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::error::{Error, Kind};

    /// Works on the items, of which `b` fails and `p` adds `q`. Returns what began, and the error.
    async fn work(items: &str, workers: usize) -> (String, Option<Kind>) {
        let begun = RefCell::new(String::new());
        let queue = Queue::new(items.chars());
        let shutdown = Shutdown::never();
        let crew = Crew::new(workers, &shutdown);
        let done = crew.work_off(&queue, async |item| {
            begun.borrow_mut().push(item);
            tokio::task::yield_now().await;
            match item {
                'b' => return Err(Error::new(Kind::CheckFailed, "b")),
                'p' => queue.put_first('q'),
                _ => {}
            }
            Ok(item)
        });
        let kind = done.await.err().map(|error| error.kind());
        (begun.into_inner(), kind)
    }

    #[tokio::test]
    async fn items_are_taken_in_order_and_an_added_one_is_next() {
        assert_eq!(work("apcd", 1).await, ("apqcd".to_owned(), None));
        assert_eq!(work("acp", 2).await, ("acpq".to_owned(), None), "its own worker takes the last one");
        assert_eq!(work("", 0).await, (String::new(), None));
    }

    #[tokio::test]
    async fn after_a_failure_no_item_is_begun() {
        assert_eq!(work("abcdef", 2).await, ("abc".to_owned(), Some(Kind::CheckFailed)));
    }

    #[tokio::test]
    async fn a_job_that_was_asked_to_stop_begins_nothing() {
        let (request, _, shutdown) = Shutdown::by_hand();
        request();
        let queue = Queue::new([1, 2]);
        let done = Crew::new(2, &shutdown).work_off(&queue, async |item| Ok(item)).await;
        assert_eq!(done.unwrap_err().kind(), Kind::Stopped);
    }
}
