//! The work of the decode thread: every object of a batch, in order, into COPY frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::objects::Pass;
use crate::bronze::{ChunkReader, Limits, Lines};
use crate::entity::Input;
use crate::error::Result;
use crate::ids::{BatchId, ObjectNo};
use crate::ledger::objects::Pending;
use crate::ledger::rejects::Fixes;
use crate::load::attempt_error::AttemptError;
use crate::stage::StageAs;
use crate::stage::decode::{ObjectContext, ObjectTally, decode, decode_wanted};
use crate::stage::frame::{FrameWriter, KeptReject, Lineage};
use crate::stage::key::KeyReader;

/// What the decode thread works with.
pub(super) struct Decoder {
    pub batch_id: BatchId,
    pub objects: Vec<Pending>,
    pub key: KeyReader,
    pub input: Input,
    pub limits: Limits,
    pub corrections: Arc<Vec<Fixes>>,
    pub pass: Pass,
}

/// What the decode thread came to.
pub(super) struct Decoded {
    /// What was read of each object; empty in the second pass.
    pub tallies: Vec<ObjectTally>,
    /// Rows framed.
    pub rows: i64,
    /// Rejected lines that were not framed.
    pub kept: Vec<KeptReject>,
    pub elapsed: Duration,
    /// Waiting for chunks of the lake.
    pub lake: Duration,
    /// Waiting for room in the channel to the server.
    pub copy: Duration,
}

impl Decoder {
    /// Decodes what arrives at the readers, one for each object, into frames.
    pub(super) fn run(self, readers: Vec<ChunkReader>, frames: mpsc::Sender<Bytes>) -> Result<Decoded, AttemptError> {
        let started = Instant::now();
        let stage_as = match self.pass {
            Pass::Lines(stage_as) => stage_as,
            Pass::Direct => StageAs::Direct,
            Pass::Documents(_) => StageAs::Jsonb,
        };
        let mut frames = FrameWriter::new(frames, stage_as);
        let (mut tallies, mut rows, mut lake) = (Vec::with_capacity(readers.len()), 0, Duration::ZERO);
        for (i, reader) in readers.into_iter().enumerate().filter(|(i, _)| self.pass.reads(*i)) {
            let waited = reader.waited();
            let lines = Lines::new(reader, &self.input, self.limits);
            let decoded = self.object(i, lines, &mut frames).map_err(|error| AttemptError::of_object(i, error))?;
            rows += decoded.rows;
            tallies.extend(decoded.tally);
            lake += Duration::from_nanos(waited.load(Ordering::Relaxed));
        }
        let written = frames.finish()?;
        rows -= written.kept.len() as i64;
        Ok(Decoded { tallies, rows, kept: written.kept, elapsed: started.elapsed(), lake, copy: written.waited })
    }

    fn object(&self, index: usize, mut lines: Lines, frames: &mut FrameWriter) -> Result<DecodedObject> {
        let object_no = ObjectNo::at(index);
        let context = ObjectContext { object_no, reader: &self.key, corrections: &self.corrections[index] };
        match &self.pass {
            Pass::Documents(wanted) => {
                let rows = decode_wanted(&mut lines, context, &wanted[index], frames)?;
                return Ok(DecodedObject { rows, tally: None });
            }
            Pass::Direct => frames.begin_object(&self.lineage(index))?,
            Pass::Lines(_) => {}
        }
        let tally = decode(&mut lines, context, frames)?;
        Ok(DecodedObject { rows: tally.lines, tally: Some(tally) })
    }

    fn lineage(&self, index: usize) -> Lineage {
        let object = &self.objects[index];
        Lineage {
            path: object.path.clone(),
            run_id: object.run_id.clone(),
            ingestion_date: object.ingestion_date,
            batch_id: self.batch_id,
        }
    }
}

struct DecodedObject {
    /// Lines decoded.
    rows: i64,
    tally: Option<ObjectTally>,
}
