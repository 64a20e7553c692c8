//! The outcome of a batch, and where its time went.

use std::time::Duration;

use serde_json::{Value, json};

use super::refused::RefusedLines;
use crate::ledger::batches::Counts;
use crate::ledger::objects::Pending;
use crate::meter::{Counted, Timed, tally};
use crate::span::WorkSpan;
use crate::stage::decode::ObjectTally;

/// Where the time of a stream went, seen from its decode thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamTimes {
    /// Waiting for bytes of the lake.
    pub lake: Duration,
    /// Decompressing, validating, hashing and framing.
    pub decode: Duration,
    /// Waiting for the server to take the rows.
    pub copy: Duration,
}

impl StreamTimes {
    pub(super) fn add(&mut self, other: StreamTimes) {
        self.lake += other.lake;
        self.decode += other.decode;
        self.copy += other.copy;
    }
}

/// Where the time of a batch went.
#[derive(Debug, Clone, Copy, Default)]
pub struct PhaseTimes {
    /// Download, decode, COPY; both passes where there are two.
    pub stream: StreamTimes,
    /// Statements that look up what is known, and merge.
    pub merge: Duration,
    /// Waiting for the entity's turn, see `merge/`.
    pub turn: Duration,
    /// Ledger and COMMIT.
    pub commit: Duration,
}

impl PhaseTimes {
    pub(super) fn add(&mut self, other: &PhaseTimes) {
        self.stream.add(other.stream);
        self.merge += other.merge;
        self.turn += other.turn;
        self.commit += other.commit;
    }

    /// The times with the names under which they are counted.
    fn by_name(&self) -> [(Timed, Duration); 6] {
        [
            (Timed::Lake, self.stream.lake),
            (Timed::Decode, self.stream.decode),
            (Timed::Copy, self.stream.copy),
            (Timed::Merge, self.merge),
            (Timed::Turn, self.turn),
            (Timed::Commit, self.commit),
        ]
    }

    /// All of it.
    pub(super) fn total(&self) -> Duration {
        self.stream.lake + self.stream.decode + self.stream.copy + self.merge + self.turn + self.commit
    }

    /// Milliseconds by name: `lake_ms`, `decode_ms`, `copy_ms`, `merge_ms`, `turn_ms`, `commit_ms`.
    pub fn to_json(self) -> Value {
        let ms = |d: Duration| d.as_millis() as u64;
        json!({
            "lake_ms": ms(self.stream.lake), "decode_ms": ms(self.stream.decode), "copy_ms": ms(self.stream.copy),
            "merge_ms": ms(self.merge), "turn_ms": ms(self.turn), "commit_ms": ms(self.commit),
        })
    }
}

/// A batch whose rows are written, in a transaction that is still open.
#[derive(Debug)]
pub(super) struct StagedBatch {
    /// Lines and bytes read of each object, in the order of the batch.
    pub tallies: Vec<ObjectTally>,
    /// The verdicts on the lines of each object, counted, in the same order.
    pub counts: Vec<Counts>,
    pub times: PhaseTimes,
    /// Rounds of verdicts that the merge took; 0 without a merge.
    pub rounds: u32,
    /// Rejected lines whose rows the staging table refused.
    pub refused: Vec<RefusedLines>,
}

/// A committed batch.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadedBatch {
    pub objects: u64,
    /// Compressed.
    pub bytes: u64,
    /// Decompressed; 0 when an earlier attempt turned out to have committed.
    pub inflated_bytes: u64,
    pub counts: Counts,
    pub times: PhaseTimes,
    /// Rejected lines whose rows the staging table refused.
    pub refused: Vec<RefusedLines>,
}

impl LoadedBatch {
    /// A batch of these objects, of whose lines nothing is counted yet.
    pub(super) fn of(objects: &[Pending]) -> Self {
        Self {
            objects: objects.len() as u64,
            bytes: objects.iter().map(|o| o.size_bytes.unsigned_abs()).sum(),
            ..Self::default()
        }
    }

    /// Sets the attributes of its span: counts, and where its time went, in seconds.
    pub(super) fn describe(&self, span: &WorkSpan) {
        span.set("objects", self.objects);
        span.set("bytes", self.bytes);
        span.set("lines", self.counts.lines);
        span.set("rejected", self.counts.rejected);
        let PhaseTimes { stream, merge, turn, commit } = self.times;
        span.set("time.lake", stream.lake.as_secs_f64());
        span.set("time.decode", stream.decode.as_secs_f64());
        span.set("time.copy", stream.copy.as_secs_f64());
        span.set("time.merge", merge.as_secs_f64());
        span.set("time.turn", turn.as_secs_f64());
        span.set("time.commit", commit.as_secs_f64());
    }

    /// Counts it in the process's tally; `elapsed` is the time from its claim to its commit.
    pub(super) fn tally(&self, entity: &str, elapsed: Duration) {
        let n = |count: i64| count.unsigned_abs();
        let c = &self.counts;
        tally().count(
            entity,
            &[
                (Counted::Batches, 1),
                (Counted::Objects, self.objects),
                (Counted::Bytes, self.bytes),
                (Counted::InflatedBytes, self.inflated_bytes),
                (Counted::Lines, n(c.lines)),
                (Counted::Inserted, n(c.inserted)),
                (Counted::Updated, n(c.updated)),
                (Counted::Unchanged, n(c.unchanged)),
                (Counted::Superseded, n(c.superseded)),
                (Counted::Rejected, n(c.rejected)),
            ],
        );
        tally().time(entity, &[(Timed::Batch, elapsed)]);
        // Nothing was timed when an earlier attempt turned out to have committed the batch.
        if self.inflated_bytes > 0 {
            tally().time(entity, &self.times.by_name());
        }
    }
}
