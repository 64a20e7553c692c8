//! The rounds of a merge: verdicts, and what follows from them, until everything is written.

use std::time::{Duration, Instant};

use super::context::Merge;
use super::earlier::Known;
use super::statements::Statements;
use super::turn::Turn;
use super::{line_by_line, partitions, verdicts, write};
use crate::error::{Error, Kind, Result};
use crate::ledger::batches::Counts;
use crate::load::attempt_error::AttemptError;
use crate::load::job::LoadJob;
use crate::load::outcome::StreamTimes;
use crate::load::refused::RefusedLine;
use crate::load::stream::{BatchObjects, Pass, stream};
use crate::pg::Transaction;
use crate::sql::qualified;
use crate::stage::{LineSet, StageAs};

/// Rounds after which a batch gives way and is tried again later. Each round but the last was lost to another
/// batch's commit.
const MAX_ROUNDS: u32 = 12;

/// The outcome of a merge.
#[derive(Debug)]
pub(in crate::load) struct Merged {
    /// The verdicts on the lines of each object, counted, in order.
    pub counts: Vec<Counts>,
    /// Times of the second pass, where there was one.
    pub stream: StreamTimes,
    /// Wall clock of the second pass.
    pub streaming: Duration,
    /// Waiting for the turn.
    pub turn: Duration,
    /// Rounds of verdicts.
    pub rounds: u32,
    /// Lines that were rejected because the staging table refused their rows.
    pub refused: Vec<RefusedLine>,
}

/// The step that a round of verdicts requires.
enum Next {
    /// The server lacks documents of these lines. Once they are there, the verdicts need this turn.
    SendDocuments(Vec<LineSet>, Turn),
    /// The verdicts count only in this turn.
    TakeTurn(Turn),
    /// The verdicts count.
    Write,
}

/// Merges the staged rows of a batch into the staging table.
///
/// # Errors
/// `TransactionConflict` when other batches kept changing the same rows, or changed one that a line repeats,
/// or partitions are missing ([`AttemptError::years`]); `Refused` when a trigger leaves rows out; what the
/// server refuses, where each line is not checked by itself or too many are refused; errors of the lake in
/// the second pass; see [`crate::pg`].
pub(in crate::load) async fn run(
    job: &LoadJob,
    tx: &Transaction<'_>,
    statements: &Statements,
    (batch, known): (&BatchObjects<'_>, Option<&Known>),
) -> Result<Merged, AttemptError> {
    let merge = Merge::new(job, tx, statements, (batch, known)).await?;
    if statements.stage_as() == StageAs::Text {
        tx.batch(&statements.fill(sql_file!("load/reject_invalid.sql"))).await?;
    }
    partitions::ensure(&merge).await?;
    Rounds::new(&merge).run().await
}

/// The rounds of a merge so far.
struct Rounds<'a> {
    merge: &'a Merge<'a>,
    turn: Turn,
    are_documents_sent: bool,
    merged: Merged,
}

impl<'a> Rounds<'a> {
    fn new(merge: &'a Merge<'a>) -> Self {
        let merged = Merged {
            counts: Vec::new(),
            stream: StreamTimes::default(),
            streaming: Duration::ZERO,
            turn: Duration::ZERO,
            rounds: 0,
            refused: Vec::new(),
        };
        Self { merge, turn: Turn::default(), are_documents_sent: false, merged }
    }

    async fn run(mut self) -> Result<Merged, AttemptError> {
        // Both expect mostly unchanged rows, which need a shared turn anyway, and a compared batch knows most
        // of the rows that it changes: take the turns up front and save a round.
        let merge = self.merge;
        if matches!(merge.statements.stage_as(), StageAs::Keys | StageAs::Compared) {
            self.turn = Turn::expected(merge.tx, merge.statements, merge.known).await?;
        }
        while self.merged.rounds < MAX_ROUNDS {
            match self.begin_round().await? {
                Next::Write => match write::run(self.merge).await {
                    Ok(Some(counts)) => return Ok(Merged { counts, ..self.merged }),
                    // A surprise: a row is not as the verdicts found it.
                    Ok(None) => {
                        let turn = self.of_unchanged().await?.alone();
                        self.end_round(turn).await?;
                    }
                    Err(failure) if failure.is_of_rows && self.merge.statements.stage_as() == StageAs::Text => {
                        self.reject_refused(failure.error).await?;
                    }
                    Err(failure) => return Err(failure),
                },
                Next::TakeTurn(turn) => self.end_round(turn).await?,
                Next::SendDocuments(missing, turn) => {
                    self.end_round(turn).await?;
                    self.send(missing).await?;
                }
            }
        }
        Err(self.unsettled().await?.into())
    }

    /// What the batch needs as long as it changes nothing.
    async fn of_unchanged(&self) -> Result<Turn> {
        Turn::of_unchanged(self.merge.tx, self.merge.statements, self.merge.known).await
    }

    /// Why a row is never as the verdicts found it: a trigger leaves it out or makes another one of it; or it
    /// is others who write.
    async fn unsettled(&self) -> Result<Error> {
        let table = &self.merge.job.entity.staging.table;
        let rows = self.merge.tx.query(sql_file!("load/row_triggers.sql"), &[&qualified(table)]).await?;
        let Some(trigger) = rows.first().map(|row| row.get::<_, String>(0)).filter(|_| self.turn.has_any_alone())
        else {
            return Ok(Error::new(Kind::TransactionConflict, "other batches kept changing the same rows"));
        };
        let message = format!("{trigger} does not let every row of evo's through, so nothing of it is loaded");
        Ok(Error::new(Kind::Refused, message).hint(
            "staging holds what the lake holds: drop or disable the trigger, and leave rows out in a view or a model",
        ))
    }

    /// Takes the turn, makes the verdicts, and decides what follows from them.
    async fn begin_round(&mut self) -> Result<Next> {
        let merge = self.merge;
        self.merged.rounds += 1;
        merge.tx.batch("savepoint evo_round").await?;
        self.merged.turn += self.turn.take(merge.tx, &merge.job.entity.name).await?;
        merge.statements.layout().wait_for_rows(merge.tx).await?;
        if let Some(known) = merge.known {
            known.rows.assert_unchanged(merge.tx, merge.statements).await?;
        }
        verdicts::make(merge).await?;
        let needed = Turn::needed(merge.tx, merge.statements, merge.known).await?;
        if merge.statements.stage_as() == StageAs::Keys {
            let missing = verdicts::missing_documents(merge).await?;
            if missing.iter().any(|lines| !lines.is_empty()) {
                return Ok(Next::SendDocuments(missing, self.turn.with(needed)));
            }
            if self.are_documents_sent {
                verdicts::locate_documents(merge).await?;
            }
        }
        Ok(if self.turn.covers(needed) { Next::Write } else { Next::TakeTurn(self.turn.with(needed)) })
    }

    /// Forgets the round's verdicts and releases its turn; the next round takes `turn`.
    async fn end_round(&mut self, turn: Turn) -> Result<()> {
        self.turn = turn;
        self.merge.tx.batch("rollback to savepoint evo_round; release savepoint evo_round").await
    }

    /// Finds the lines whose rows are refused, and rejects them.
    async fn reject_refused(&mut self, error: Error) -> Result<(), AttemptError> {
        self.merge.tx.batch("rollback to savepoint evo_write").await?;
        let found = line_by_line::find(self.merge, error).await?;
        self.end_round(self.turn).await?;
        line_by_line::reject(self.merge, &found).await?;
        self.merged.refused.extend(found);
        Ok(())
    }

    /// Sends the documents of these lines, outside of any turn.
    async fn send(&mut self, missing: Vec<LineSet>) -> Result<(), AttemptError> {
        let merge = self.merge;
        let started = Instant::now();
        let copy = merge.tx.copy_in(&merge.statements.copy_documents()).await?;
        let streamed =
            stream(merge.job, merge.batch, Pass::Documents(merge.statements.document_type(), missing), copy).await?;
        self.merged.stream.add(streamed.times);
        self.merged.streaming += started.elapsed();
        self.are_documents_sent = true;
        Ok(())
    }
}
