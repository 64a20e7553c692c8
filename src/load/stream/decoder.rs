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
use crate::stage::decode::{ObjectContext, ObjectTally, decode, decode_wanted};
use crate::stage::frame::{FrameWriter, FramesWritten, KeptReject, Lineage};
use crate::stage::key::KeyReader;
use crate::stage::{Sieve, StageAs};

/// The work of the decode thread.
pub(super) struct Decoder {
    pub batch_id: BatchId,
    pub objects: Vec<Pending>,
    pub key: KeyReader,
    pub input: Input,
    pub limits: Limits,
    pub corrections: Arc<Vec<Fixes>>,
    pub pass: Pass,
}

/// The results of the decode thread.
pub(super) struct Decoded {
    /// Lines and bytes read of each object; empty in the second pass.
    pub tallies: Vec<ObjectTally>,
    /// Rows framed.
    pub rows: i64,
    /// Rejected lines that were not framed.
    pub kept: Vec<KeptReject>,
    /// The sieve, with what it held back.
    pub sieve: Sieve,
    pub elapsed: Duration,
    /// Waiting for chunks of the lake.
    pub lake: Duration,
    /// Waiting for room in the channel to the server.
    pub copy: Duration,
}

impl Decoder {
    /// Decodes what arrives at the readers, one for each object, into frames.
    pub(super) fn run(
        mut self,
        readers: Vec<ChunkReader>,
        frames: mpsc::Sender<Bytes>,
    ) -> Result<Decoded, AttemptError> {
        let started = Instant::now();
        let frames = match self.pass {
            Pass::Lines(stage_as, document_type, _) => FrameWriter::new(frames, stage_as, document_type),
            Pass::TextRows(_) => FrameWriter::of_text(frames),
            Pass::Documents(document_type, _) => FrameWriter::new(frames, StageAs::Keys, document_type),
        };
        let mut through = Through { sieve: self.pass.take_sieve(), frames };
        let (mut tallies, mut lake) = (Vec::with_capacity(readers.len()), Duration::ZERO);
        for (i, reader) in readers.into_iter().enumerate().filter(|(i, _)| self.pass.reads(*i)) {
            let waited = reader.waited();
            let lines = Lines::new(reader, &self.input, self.limits);
            let decoded = self.object(i, lines, &mut through);
            let tally = decoded.map_err(|error| AttemptError {
                years: through.sieve.missing_year().into_iter().collect(),
                ..AttemptError::of_object(i, error)
            })?;
            tallies.extend(tally);
            lake += Duration::from_nanos(waited.load(Ordering::Relaxed));
        }
        let Through { sieve, frames } = through;
        let FramesWritten { rows, kept, waited: copy } = frames.finish()?;
        Ok(Decoded { tallies, rows, kept, sieve, elapsed: started.elapsed(), lake, copy })
    }

    /// Decodes one object. Returns its lines and bytes in the first pass.
    fn object(&self, index: usize, mut lines: Lines, through: &mut Through) -> Result<Option<ObjectTally>> {
        let object_no = ObjectNo::at(index);
        let context = ObjectContext { object_no, reader: &self.key, corrections: &self.corrections[index] };
        match &self.pass {
            Pass::Documents(_, wanted) => {
                return decode_wanted(&mut lines, context, &wanted[index], &mut through.frames).map(|()| None);
            }
            Pass::Lines(StageAs::Direct, ..) | Pass::TextRows(_) => {
                through.frames.begin_object(&self.lineage(index))?;
            }
            Pass::Lines(..) => {}
        }
        decode(&mut lines, context, &mut through.sieve, &mut through.frames).map(Some)
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

/// The sieve and the writer that every line goes through.
struct Through {
    sieve: Sieve,
    frames: FrameWriter,
}
