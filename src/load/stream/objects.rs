//! The objects of a batch that are streamed, and how much of them.

use std::sync::Arc;

use crate::ids::BatchId;
use crate::ledger::objects::Pending;
use crate::ledger::rejects::Fixes;
use crate::meter::Tentative;
use crate::stage::{DocumentType, LineSet, Sieve, StageAs};

/// The objects of a batch in one attempt.
#[derive(Debug)]
pub(in crate::load) struct BatchObjects<'a> {
    pub batch_id: BatchId,
    /// Older places first.
    pub objects: &'a [Pending],
    /// Corrected texts that replace lines, in the order of the objects.
    pub corrections: Arc<Vec<Fixes>>,
    /// Counts the compressed bytes of the first pass, until the attempt fails.
    pub progress: Arc<Tentative>,
}

impl<'a> BatchObjects<'a> {
    /// Paths of the objects, in their order.
    pub(in crate::load) fn paths(&self) -> Vec<&'a str> {
        self.objects.iter().map(|o| o.path.as_str()).collect()
    }
}

/// How much of the objects is sent, and where.
#[derive(Debug)]
pub(in crate::load) enum Pass {
    /// The lines that the sieve lets through, and all rejects: into a temporary stage table, or as rows of
    /// the staging table.
    Lines(StageAs, DocumentType, Sieve),
    /// The lines that the sieve lets through, as rows of a distributed staging table, in the text format.
    TextRows(Sieve),
    /// The documents of some lines of each object, into the temporary table of documents.
    Documents(DocumentType, Vec<LineSet>),
}

impl Pass {
    /// Whether anything of the object at this index is sent.
    pub(super) fn reads(&self, object: usize) -> bool {
        match self {
            Pass::Lines(..) | Pass::TextRows(_) => true,
            Pass::Documents(_, wanted) => wanted.get(object).is_some_and(|lines| !lines.is_empty()),
        }
    }

    /// Takes the sieve out; lets everything through from then on.
    pub(super) fn take_sieve(&mut self) -> Sieve {
        match self {
            Pass::Lines(_, _, sieve) | Pass::TextRows(sieve) => std::mem::take(sieve),
            Pass::Documents(..) => Sieve::Everything,
        }
    }

    /// Whether it is the first pass over the objects, which counts as progress.
    pub(super) fn is_first(&self) -> bool {
        !matches!(self, Pass::Documents(..))
    }
}
