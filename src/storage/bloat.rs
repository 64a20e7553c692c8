//! Bloat: bytes that a rewritten table or a rebuilt index would not need. "Total minus heap" is something
//! else: TOAST and indexes.

/// Bytes that a rewritten table or a rebuilt index would not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bloat {
    /// The bytes that would be freed.
    pub bytes: u64,
    /// Measured by `pgstattuple`; otherwise estimated.
    pub is_measured: bool,
}

impl Default for Bloat {
    /// No bloat, and no need to measure it.
    fn default() -> Self {
        Self { bytes: 0, is_measured: true }
    }
}

impl Bloat {
    /// The sum. `None` if a part is unknown; an estimate if a part is one.
    pub fn sum(parts: impl IntoIterator<Item = Option<Bloat>>) -> Option<Bloat> {
        parts.into_iter().try_fold(Bloat::default(), |sum, part| {
            let part = part?;
            Some(Bloat { bytes: sum.bytes + part.bytes, is_measured: sum.is_measured && part.is_measured })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_an_estimate_if_a_part_is_and_unknown_if_a_part_is() {
        let (measured, estimated) = (Bloat { bytes: 2, is_measured: true }, Bloat { bytes: 3, is_measured: false });
        assert_eq!(Bloat::sum([Some(measured), Some(measured)]), Some(Bloat { bytes: 4, is_measured: true }));
        assert_eq!(Bloat::sum([Some(measured), Some(estimated)]), Some(Bloat { bytes: 5, is_measured: false }));
        assert_eq!(Bloat::sum([Some(measured), None]), None);
    }
}
