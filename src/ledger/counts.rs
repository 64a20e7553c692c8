//! The verdicts on the lines of an object or a batch.

/// The verdicts on the lines of an object or a batch, counted. They always add up: see [`Counts::balanced`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines read, without blank ones.
    pub lines: i64,
    /// Lines with new keys.
    pub inserted: i64,
    /// Known keys with newer content.
    pub updated: i64,
    /// Known keys with the same content.
    pub unchanged: i64,
    /// Lines beaten by a newer version of the same key.
    pub superseded: i64,
    /// Rejected lines, stored in `evo.rejects`.
    pub rejected: i64,
}

impl Counts {
    /// Whether every line is accounted for exactly once.
    pub fn balanced(&self) -> bool {
        self.lines == self.inserted + self.updated + self.unchanged + self.superseded + self.rejected
    }

    /// Adds the counts of another object or batch.
    pub fn add(&mut self, other: &Counts) {
        self.lines += other.lines;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.superseded += other.superseded;
        self.rejected += other.rejected;
    }
}
