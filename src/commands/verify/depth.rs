//! How deep a verification goes.

use super::args::Args;
use crate::transform::compare::CoreDepth;
use crate::verify::Reread;

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum VerifyDepth {
    /// Counts and sums.
    Quick,
    /// A share, 0 to 1, drawn by this seed.
    Sample(f64, u64),
    /// Everything.
    Deep,
}

impl VerifyDepth {
    /// As the flags say; a sample is drawn by `seed`.
    pub(super) fn of(args: &Args, seed: u64) -> Self {
        match args.sample {
            Some(share) => Self::Sample(share.fraction(), seed),
            None if args.deep => Self::Deep,
            None => Self::Quick,
        }
    }

    /// As summaries show it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Sample(..) => "sample",
            Self::Deep => "deep",
        }
    }

    /// Which objects are read again. `rewritten` are those with rows that are not known to be as a load wrote
    /// them, if there are few.
    pub(super) fn objects(self, rewritten: &[String]) -> Option<Reread> {
        match self {
            Self::Quick if rewritten.is_empty() => None,
            Self::Quick => Some(Reread::Paths(rewritten.to_vec())),
            Self::Sample(share, seed) => Some(Reread::Sample(share, seed, rewritten.to_vec())),
            Self::Deep => Some(Reread::All),
        }
    }

    /// How core is compared.
    pub(super) fn core(self) -> CoreDepth {
        match self {
            Self::Quick => CoreDepth::Sums,
            Self::Sample(share, seed) => CoreDepth::Sample(share, seed),
            Self::Deep => CoreDepth::Rows,
        }
    }
}
