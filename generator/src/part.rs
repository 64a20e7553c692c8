//! Writes the lines of one part.

use crate::doc::{Doc, Misfit};
use crate::entity::Entity;
use crate::layout::{Part, holds};
use crate::prng::hash;
use crate::world::{Record, World};
use crate::{entry, fault, member, prospect, sale_document, texts};

/// Counts of the lines that were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Lines of any kind.
    pub lines: u64,
    /// Whole records: the newest version that the run sees, one line each.
    pub records: u64,
    /// Of these: records that the runs before did not have.
    pub new: u64,
    /// Of these: records that are not as they were in the run before.
    pub changed: u64,
    /// Of these: records with a value that does not fit its column.
    pub misfits: u64,
    /// Further lines: older versions, each before its record.
    pub duplicates: u64,
    /// Further lines: mangled copies, each before its record.
    pub broken: u64,
    /// Bytes of all lines with the line ends between them.
    pub bytes: u64,
}

impl Tally {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Tally) {
        self.lines += other.lines;
        self.records += other.records;
        self.new += other.new;
        self.changed += other.changed;
        self.misfits += other.misfits;
        self.duplicates += other.duplicates;
        self.broken += other.broken;
        self.bytes += other.bytes;
    }
}

/// How many records early the older copy of a record is written: directly before it, on the same page of the
/// API, on an earlier page, in an earlier object.
/// of the API, on an earlier page, in an earlier object.
const DISTANCES: [u64; 4] = [0, 2, 40, 900];

/// Fills `doc`, which is empty, with the lines of `part`: line ends between them, none after the last.
pub(crate) fn fill(world: &World, part: &Part, doc: &mut Doc) -> Tally {
    let mut tally = Tally::default();
    for index in part.records.clone() {
        for distance in DISTANCES {
            stale(world, part, doc, &mut tally, (index, distance));
        }
        if !holds(world, part.entity, part.run, index) {
            continue;
        }
        let version = world.version(part.entity, index, part.run);
        let record = Record { entity: part.entity, index, version };
        let of = (part.entity, part.run);
        if let Some(rank) = world.rank("broken", world.plan.broken, of, index) {
            let begin = line(world, doc, record, &mut tally);
            fault::mangle(doc, begin, part.entity, rank);
            tally.broken += 1;
        }
        let misfit = misfit(world, part.entity, index);
        doc.misfit = misfit;
        line(world, doc, record, &mut tally);
        let born = world.born(part.entity, index) == part.run;
        tally.records += 1;
        tally.misfits += u64::from(misfit.is_some() && doc.misfit.take().is_none());
        tally.new += u64::from(part.run > 0 && born);
        tally.changed += u64::from(!born && version == part.run + 1);
    }
    tally.bytes = doc.out.len() as u64;
    tally
}

/// Writes the older version of the record that is `distance` after `place`, if it belongs here.
fn stale(world: &World, part: &Part, doc: &mut Doc, tally: &mut Tally, (place, distance): (u64, u64)) {
    let (index, of) = (place + distance, (part.entity, part.run));
    // Records after the last one of this window are extracted later, and their copies with them.
    if world.plan.duplicates.is_zero() || index >= part.window_records.end {
        return;
    }
    if world.rank("duplicate", world.plan.duplicates, of, index).is_none() {
        return;
    }
    let wanted = DISTANCES[(hash([world.plan.seed, index, part.run]) % 4) as usize];
    let own = if index < part.window_records.start + wanted { 0 } else { wanted };
    if own != distance || !holds(world, part.entity, part.run, index) {
        return;
    }
    let version = match world.version(part.entity, index, part.run) {
        1 => 0,
        changed => world.version(part.entity, index, changed - 2),
    };
    line(world, doc, Record { entity: part.entity, index, version }, tally);
    tally.duplicates += 1;
}

/// Writes one document on a line of its own and returns where it begins.
fn line(world: &World, doc: &mut Doc, record: Record, tally: &mut Tally) -> usize {
    if tally.lines > 0 {
        doc.out.push(b'\n');
    }
    let begin = doc.out.len();
    document(world, doc, record);
    tally.lines += 1;
    begin
}

/// Appends the document of `record`; `doc.misfit` says which value is not to fit its column.
pub(super) fn document(world: &World, doc: &mut Doc, record: Record) {
    let begin = doc.out.len();
    doc.pad_at = None;
    match record.entity {
        Entity::Members => member::write(world, doc, record),
        Entity::Sales => sale_document::write(world, doc, record),
        Entity::Entries => entry::write(world, doc, record),
        Entity::Prospects => prospect::write(world, doc, record),
    }
    if let Some(bytes) = world.plan.document_bytes {
        let mut rng = world.rng("padding", [record.entity as u64, record.index]);
        texts::pad(doc, begin, bytes, &mut rng);
    }
}

/// The value that does not fit its column in the record at `index`, if the plan gives it one.
pub(super) fn misfit(world: &World, entity: Entity, index: u64) -> Option<Misfit> {
    let rank = world.rank("misfit", world.plan.misfits, (entity, 0), index)?;
    Some(Misfit::ALL[(rank % Misfit::ALL.len() as u64) as usize])
}
