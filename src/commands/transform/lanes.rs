//! How the workers and connections are shared out among the entities.

use crate::error::Result;
use crate::pg::Pool;
use crate::transform::{Mode, Request};

/// Workers, and what is worked on in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes {
    /// Workers of all lanes together.
    pub(super) workers: usize,
    /// Entities and dimensions worked on in parallel.
    pub(super) tasks: usize,
    /// Entities among them, at most: they divide the workers. A dimension has one connection.
    entities: usize,
}

/// Connections that an increment needs: one for the lock, one for the work.
const LEAST_FOR_INCREMENT: usize = 2;
/// Connections that a new generation needs: one more keeps the snapshot.
const LEAST_FOR_REFRESH: usize = 3;

impl Lanes {
    /// An increment is one transaction at a time, so each entity gets a lane. A full refresh divides its work
    /// among the workers of its lane, and the largest entity ends last, so a lane should have several.
    pub(super) fn new(workers: usize, (entities, dimensions): (usize, usize), full_refresh: bool) -> Self {
        let lanes = if full_refresh { workers / 4 } else { workers };
        let tasks = lanes.clamp(1, entities.max(dimensions).max(1));
        Self { workers, tasks, entities: tasks.min(entities.max(1)) }
    }

    /// Workers of each entity; at least one.
    pub(super) fn workers_each(self) -> usize {
        (self.workers / self.entities).max(1)
    }

    /// Connections that all lanes use: one for each worker, and a lock and a snapshot for each entity.
    pub(super) fn connections(self) -> usize {
        self.workers + 2 * self.tasks
    }

    /// The same with fewer workers, and one entity at a time, if the server has few connections left. With
    /// very few the request becomes an increment, unless it asks for a new generation.
    ///
    /// # Errors
    /// `DatabaseBusy` when there are too few connections for the request; as [`Pool::retry`].
    pub(super) async fn fit(self, pool: &Pool, request: Request) -> Result<(Self, Request)> {
        let (what, least) = match request.mode {
            Some(Mode::FullRefresh) => ("a full refresh", LEAST_FOR_REFRESH),
            _ => ("a transform", LEAST_FOR_INCREMENT),
        };
        let room = pool.room(what, least, self.connections()).await?;
        if room >= self.connections() {
            return Ok((self, request));
        }
        let mode = match request.mode {
            None if room < LEAST_FOR_REFRESH => Some(Mode::Incremental),
            mode => mode,
        };
        let workers = self.workers.min(room.saturating_sub(LEAST_FOR_INCREMENT)).max(1);
        Ok((Self { workers, tasks: 1, entities: 1 }, Request { mode, ..request }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_share_the_workers_and_a_full_refresh_keeps_a_useful_number_of_them() {
        let shown = |workers, full| {
            let lanes = Lanes::new(workers, (4, 6), full);
            (lanes.entities, lanes.workers_each())
        };
        assert_eq!([shown(1, false), shown(2, false), shown(8, false)], [(1, 1), (2, 1), (4, 2)]);
        assert_eq!([shown(1, true), shown(4, true), shown(8, true), shown(32, true)], [(1, 1), (1, 4), (2, 4), (4, 8)]);
        assert_eq!(Lanes::new(8, (0, 0), false).tasks, 1);
    }

    #[test]
    fn an_entity_has_the_workers_that_no_other_entity_can_use_while_its_dimensions_wait() {
        let lanes = Lanes::new(4, (1, 5), false);
        assert_eq!((lanes.tasks, lanes.workers_each(), lanes.connections()), (4, 4, 12));
        let lanes = Lanes::new(8, (0, 3), false);
        assert_eq!((lanes.tasks, lanes.workers_each()), (3, 8));
    }
}
