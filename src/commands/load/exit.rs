//! Whether what was rejected, set aside or missing must end in an exit code although everything else is
//! loaded.

use super::Loaded;
use crate::bronze::Sample;
use crate::commands::loading;
use crate::commands::threshold::Threshold;
use crate::error::{Error, Kind};
use crate::ledger::objects::SetAside;
use crate::load::{EntityLoad, EntitySummary};
use crate::visible;

/// How many objects a message names.
const NAMED: usize = 10;

/// The first of: objects set aside, objects that the lake does not hand out, too many lines rejected, objects
/// that vanished or kept changing, fewer objects or lines than a manifest counts.
pub(super) fn failure(loaded: &[Loaded], max_rejects: Threshold) -> Option<Error> {
    let loads = || loaded.iter().map(|l| &l.load);
    let mut unreadable = Sample::default();
    loads().for_each(|l| unreadable.extend(l.summary.not_loaded.unreadable.clone()));
    loads()
        .find_map(|l| set_aside(&l.summary.entity, &l.aftermath.set_aside))
        .or_else(|| loading::unreadable(&unreadable))
        .or_else(|| loads().find_map(|l| rejected(&l.summary, max_rejects)))
        .or_else(|| loads().find_map(vanished))
        .or_else(|| loads().find_map(missing))
}

/// Objects that are set aside keep the exit code, in later loads too, until somebody acknowledges them.
fn set_aside(entity: &str, aside: &SetAside) -> Option<Error> {
    let named: Vec<String> =
        aside.first.iter().take(NAMED).map(|(path, reason)| format!("{}: {reason}", visible::line(path))).collect();
    (aside.objects > 0).then(|| {
        Error::new(Kind::SourceCorrupt, format!("{entity}: {} object(s) are set aside", aside.objects))
            .detail(named_of(named, aside.objects))
            .hint(format!(
                "everything else is loaded. Correct what the reason names: the next load takes an object that was \
                 replaced or moved; after a change of the declaration, evo objects retry {entity}. Or acknowledge \
                 them: evo objects ignore {entity}"
            ))
    })
}

fn named_of(mut named: Vec<String>, all: u64) -> String {
    if (named.len() as u64) < all {
        named.push(format!("and {} more: evo objects list", all - named.len() as u64));
    }
    named.join("\n")
}

fn rejected(s: &EntitySummary, max_rejects: Threshold) -> Option<Error> {
    let c = &s.counts;
    max_rejects.exceeded(c.rejected.unsigned_abs(), c.lines.unsigned_abs()).then(|| {
        let message =
            format!("{}: {} of {} lines were rejected, more than --max-rejects allows", s.entity, c.rejected, c.lines);
        Error::new(Kind::CheckFailed, message)
            .detail("the good lines are loaded; the others are kept verbatim in evo.rejects")
            .hint(format!("evo rejects list {}", s.entity))
    })
}

fn vanished(l: &EntityLoad) -> Option<Error> {
    let (entity, paths) = (&l.summary.entity, &l.aftermath.vanished);
    if !paths.is_empty() {
        let named: Vec<String> = paths.iter().take(NAMED).map(|path| visible::line(path).to_string()).collect();
        let message = format!("{entity}: {} object(s) vanished from the lake before they were loaded", paths.len());
        return Some(
            Error::new(Kind::SourceChanged, message)
                .detail(named_of(named, paths.len() as u64))
                .hint("everything else is loaded; once they are back they are loaded by the next run"),
        );
    }
    l.is_unsettled.then(|| {
        Error::new(Kind::SourceChanged, format!("{entity}: objects were replaced again and again while they were read"))
            .detail("everything else is loaded")
            .hint("run it again when nothing writes to the lake any more")
    })
}

fn missing(l: &EntityLoad) -> Option<Error> {
    let entity = &l.summary.entity;
    if let Some(m) = l.aftermath.missing.first() {
        let message = format!(
            "{entity}: {} object(s) of run {} vanished before they were loaded: its manifest counts {}, {} are there",
            m.vanished, m.run_id, m.parts, m.present
        );
        let others = l.aftermath.missing.len() - 1;
        let error = Error::new(Kind::CheckFailed, message);
        let error =
            if others > 0 { error.detail(format!("and so did objects of {others} more run(s)")) } else { error };
        return Some(error.hint(format!(
            "extract the run again, or acknowledge it: evo objects ignore {entity} --run-id {}",
            m.run_id
        )));
    }
    let d = l.aftermath.differences.iter().find(|d| d.lines < d.records)?;
    let message = format!("{entity}: run {} has {} lines, its manifest says {}", d.run_id, d.lines, d.records);
    Some(
        Error::new(Kind::CheckFailed, message)
            .detail("everything that is in the lake is loaded; what is missing never arrived there")
            .hint("extract the run again, or load a newer full extraction"),
    )
}
