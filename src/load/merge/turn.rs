//! The turns of an entity: advisory locks that keep batches apart whose verdicts depend on each other.
//!
//! Verdicts depend on each other only where batches have the same keys. So each lane has a turn, and a batch
//! takes those of the lanes that its keys are in.

use std::time::{Duration, Instant};

use super::earlier::Known;
use super::lane::{LANES, lane};
use super::statements::Statements;
use crate::error::Result;
use crate::ids::SeenKey;
use crate::pg::Transaction;

/// The lanes, as bits, that a batch must have while its verdicts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Turn {
    /// In these it finds rows unchanged that an older object wrote.
    shared: u32,
    /// In these it changes rows, and must be alone.
    alone: u32,
}

impl Turn {
    /// What a batch needs that finds all of its keys unchanged.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn of_unchanged(
        tx: &Transaction<'_>,
        statements: &Statements,
        known: Option<&Known>,
    ) -> Result<Self> {
        let row = tx.query_one(&statements.fill(sql_file!("load/staged_turn.sql")), &[]).await?;
        Ok(Self { shared: bits(row.get(0)), alone: 0 }.with(Self::of_known(statements, known)))
    }

    /// What a batch probably needs: all of its keys are unchanged, except those of known rows of which a
    /// line differs.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn expected(tx: &Transaction<'_>, statements: &Statements, known: Option<&Known>) -> Result<Self> {
        let changed = known.iter().flat_map(|known| &known.lines.changed);
        let alone = Self { shared: 0, alone: lanes(statements, changed) };
        Ok(Self::of_unchanged(tx, statements, known).await?.with(alone))
    }

    /// What the lines need that were not sent.
    fn of_known(statements: &Statements, known: Option<&Known>) -> Self {
        let repeated = known.iter().flat_map(|known| known.lines.keys.iter().flatten());
        Self { shared: lanes(statements, repeated), alone: 0 }
    }

    /// What the verdicts of the batch need.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn needed(tx: &Transaction<'_>, statements: &Statements, known: Option<&Known>) -> Result<Self> {
        let row = tx.query_one(&statements.fill(sql_file!("load/needed_turn.sql")), &[]).await?;
        Ok(Self { alone: bits(row.get(0)), shared: bits(row.get(1)) }.with(Self::of_known(statements, known)))
    }

    /// The same lanes, for the batch alone.
    pub(super) fn alone(self) -> Self {
        Self { shared: 0, alone: self.shared | self.alone }
    }

    /// Both.
    pub(super) fn with(self, other: Self) -> Self {
        let alone = self.alone | other.alone;
        Self { shared: (self.shared | other.shared) & !alone, alone }
    }

    /// Whether a batch that has this turn has the other one, too.
    pub(super) fn covers(self, other: Self) -> bool {
        self.with(other) == self
    }

    /// Whether any lane is for the batch alone.
    pub(super) fn has_any_alone(self) -> bool {
        self.alone != 0
    }

    /// Takes the turn, and returns how long it waited. The turn ends with the transaction, or with a rollback
    /// to a savepoint from before.
    ///
    /// # Errors
    /// See [`crate::pg`].
    pub(super) async fn take(self, tx: &Transaction<'_>, entity: &str) -> Result<Duration> {
        let started = Instant::now();
        let wanted = (0..LANES).filter(|lane| (self.shared | self.alone) & (1 << lane) != 0);
        let (lanes, alone): (Vec<i32>, Vec<bool>) =
            wanted.map(|lane| (i32::try_from(lane).unwrap_or_default(), self.alone & (1 << lane) != 0)).unzip();
        if !lanes.is_empty() {
            tx.execute(sql_file!("load/take_turn.sql"), &[&entity, &lanes, &alone]).await?;
        }
        Ok(started.elapsed())
    }
}

/// The lanes of keys.
fn lanes<'a>(statements: &Statements, mut keys: impl Iterator<Item = &'a SeenKey>) -> u32 {
    match statements.has_lanes() {
        true => keys.fold(0, |bits, seen| bits | 1 << lane(seen.key)),
        false => u32::from(keys.next().is_some()),
    }
}

/// The bits that the server has counted as a bigint.
fn bits(counted: i64) -> u32 {
    u32::try_from(counted).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_covers_what_it_has_shared_or_alone() {
        let turn = |shared, alone| Turn { shared, alone };
        assert_eq!(turn(0b011, 0).with(turn(0b100, 0b001)), turn(0b110, 0b001));
        assert!(turn(0b010, 0b001).covers(turn(0b011, 0)));
        assert!(!turn(0b010, 0b001).covers(turn(0, 0b010)));
        assert!(!turn(0b010, 0).covers(turn(0b110, 0)));
        assert!(Turn::default().covers(Turn::default()) && !Turn::default().has_any_alone());
        assert_eq!(turn(0b010, 0b001).alone(), turn(0, 0b011));
    }
}
