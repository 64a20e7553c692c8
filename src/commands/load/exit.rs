//! Whether what was rejected, set aside or missing must end in an exit code although everything else is
//! loaded.

use super::Loaded;
use crate::bronze::Sample;
use crate::commands::loading;
use crate::commands::threshold::Threshold;
use crate::error::{Error, Kind};
use crate::ledger::objects::SetAside;
use crate::load::{EntityLoad, EntitySummary, RefusedLines};
use crate::report::units;
use crate::visible;

/// How many objects a message names.
const NAMED: usize = 10;

/// The first of: objects set aside, objects that the lake does not hand out, lines that the staging table
/// refuses, too many lines rejected, objects that vanished or kept changing, fewer objects or lines than a
/// manifest counts.
pub(super) fn failure(loaded: &[Loaded], max_rejects: Threshold) -> Option<Error> {
    let loads = || loaded.iter().map(|l| &l.load);
    let mut unreadable = Sample::default();
    loads().for_each(|l| unreadable.extend(l.summary.not_loaded.unreadable.clone()));
    loads()
        .find_map(|l| set_aside(&l.summary.entity, &l.aftermath.set_aside))
        .or_else(|| loading::unreadable(&unreadable))
        .or_else(|| loads().find_map(|l| refused(&l.summary)))
        .or_else(|| loads().find_map(|l| rejected(&l.summary, max_rejects)))
        .or_else(|| loads().find_map(vanished))
        .or_else(|| loads().find_map(missing))
}

/// Objects that are set aside keep the exit code, in later loads too, until somebody acknowledges them.
fn set_aside(entity: &str, aside: &SetAside) -> Option<Error> {
    let named: Vec<String> =
        aside.first.iter().take(NAMED).map(|(path, reason)| format!("{}: {reason}", visible::line(path))).collect();
    (aside.objects > 0).then(|| {
        Error::new(
            Kind::SourceCorrupt,
            format!("{entity}: {}", units::counted(aside.objects, "object is set aside", "objects are set aside")),
        )
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

/// Rows that a constraint, an index or a trigger of the staging table refuses: somebody meant it to, and must
/// know.
fn refused(s: &EntitySummary) -> Option<Error> {
    let lines: u64 = s.refused.iter().map(|group| group.lines).sum();
    let described = |group: &RefusedLines| {
        let (path, line) = (visible::line(&group.first.0), group.first.1);
        format!("{}: {}, first {path} line {line}", group.reason, units::counted(group.lines, "line", "lines"))
    };
    (lines > 0).then(|| {
        let refused = units::counted(lines, "line is refused", "lines are refused");
        Error::new(Kind::Refused, format!("{}: {refused} by the staging table", s.entity))
            .detail(s.refused.iter().map(described).collect::<Vec<_>>().join("\n"))
            .hint(format!(
                "all others are loaded, and these are kept verbatim in evo.rejects: correct them, or change what \
                 refuses them, then: evo rejects replay {}",
                s.entity
            ))
    })
}

fn rejected(s: &EntitySummary, max_rejects: Threshold) -> Option<Error> {
    let c = &s.counts;
    let lines = units::counted(c.lines.unsigned_abs(), "line was rejected", "lines were rejected");
    max_rejects.exceeded(c.rejected.unsigned_abs(), c.lines.unsigned_abs()).then(|| {
        let message = format!(
            "{}: {} of {lines}, more than --max-rejects allows",
            s.entity,
            units::count(c.rejected.unsigned_abs())
        );
        Error::new(Kind::CheckFailed, message)
            .detail("the good lines are loaded; the others are kept verbatim in evo.rejects")
            .hint(format!("evo rejects list {}", s.entity))
    })
}

fn vanished(l: &EntityLoad) -> Option<Error> {
    let (entity, paths) = (&l.summary.entity, &l.aftermath.vanished);
    if !paths.is_empty() {
        let named: Vec<String> = paths.iter().take(NAMED).map(|path| visible::line(path).to_string()).collect();
        let vanished = units::counted(
            paths.len() as u64,
            "object vanished from the lake before it was loaded",
            "objects vanished from the lake before they were loaded",
        );
        return Some(
            Error::new(Kind::SourceChanged, format!("{entity}: {vanished}"))
                .detail(named_of(named, paths.len() as u64))
                .hint("everything else is loaded; the next run loads what is back in the lake"),
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
            "{entity}: run {} is not complete: {} before being loaded; its manifest counts {}, {} in the lake",
            m.run_id,
            units::counted(m.vanished.unsigned_abs(), "object vanished", "objects vanished"),
            m.parts,
            units::counted(m.present.unsigned_abs(), "is", "are"),
        );
        let others = l.aftermath.missing.len() - 1;
        let error = Error::new(Kind::CheckFailed, message);
        let error = match others {
            0 => error,
            n => error.detail(format!("and so did objects of {}", units::counted(n as u64, "more run", "more runs"))),
        };
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
            .hint("extract the run again, or load a newer full extraction; until then every load says so"),
    )
}
