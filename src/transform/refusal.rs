//! Documents that the warehouse refused, as a transform reports them.

use crate::error::{Error, Kind};

/// The most keys that are named for one reason.
const MAX_KEYS: usize = 5;

/// Documents refused for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The core table that did not take their rows.
    pub table: String,
    /// Why: names of tables, constraints and functions, no values.
    pub reason: String,
    /// Number of documents.
    pub documents: u64,
    /// The keys of the first five.
    pub keys: Vec<String>,
}

impl Refusal {
    /// Adds more documents refused for the same reason.
    pub fn add(&mut self, other: &Refusal) {
        self.documents += other.documents;
        let room = MAX_KEYS.saturating_sub(self.keys.len());
        self.keys.extend(other.keys.iter().take(room).cloned());
    }

    /// Table, reason, number and keys in one line.
    pub fn line(&self) -> String {
        let more = if self.documents > self.keys.len() as u64 { ", …" } else { "" };
        let noun = if self.documents == 1 { "document" } else { "documents" };
        format!("{}: {}: {} {noun}: {}{more}", self.table, self.reason, self.documents, self.keys.join(", "))
    }
}

/// Adds refusals to others, by table and reason.
pub(super) fn add_all(sums: &mut Vec<Refusal>, more: Vec<Refusal>) {
    for refusal in more {
        match sums.iter_mut().find(|sum| sum.table == refusal.table && sum.reason == refusal.reason) {
            Some(sum) => sum.add(&refusal),
            None => sums.push(refusal),
        }
    }
}

/// The error that a command with refused documents ends with, `Refused`; `None` without any.
pub fn failure(refused: &[Refusal]) -> Option<Error> {
    let documents: u64 = refused.iter().map(|refusal| refusal.documents).sum();
    let first = refused.first()?;
    let lines: Vec<String> = refused.iter().map(Refusal::line).collect();
    let message = match documents {
        1 => format!("a document was refused and stays as it was in {}; all others were transformed", first.table),
        n => {
            format!("{n} documents were refused and stay as they were in {}; all others were transformed", first.table)
        }
    };
    Some(Error::new(Kind::Refused, message).detail(lines.join("\n")).hint(
        "correct them at the source, or change what refuses them: the next transform tries again; evo.issues lists \
         their keys",
    ))
}
