//! `evo rejects replay`: loads the objects with open rejects again, with corrected texts in place of rejected
//! lines.
//!
//! Whole objects are loaded, so that a rejected line competes with the other lines of its key as it would
//! have at first: it is neither newer nor older than its position. Lines that are already loaded are found
//! unchanged and cost next to nothing.

use serde_json::{Value, json};

use super::Which;
use crate::bronze::Sample;
use crate::commands::failures;
use crate::commands::loading::{self, Loading};
use crate::config::Settings;
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Result};
use crate::ids::RejectId;
use crate::ledger::objects::{Again, Selection};
use crate::ledger::rejects::{self, OpenRejects};
use crate::ledger::runs::Execution;
use crate::load::{self, EntitySummary, LoadJob};
use crate::meter::Meter;
use crate::pg::Pool;
use crate::report::progress;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::visible;

/// Quarantined objects that a message names.
const NAMED: usize = 20;

/// The rejects of one entity, before and after.
struct Replayed {
    /// Open rejects of the lake before the replay.
    before: i64,
    /// Open rejects of the lake after it.
    after: i64,
    /// Open rejects of other lakes, whose objects cannot be read from this one.
    elsewhere: Vec<OpenRejects>,
    summary: EntitySummary,
}

pub(super) async fn run(
    which: &Which,
    corrected: Option<Vec<(RejectId, Vec<u8>)>>,
    settings: &Settings,
) -> Result<Outcome> {
    let loading = Loading::open(settings, Catalog::load(settings.extend.as_deref())?).await?;
    let pool = &loading.warehouse.pool;
    let entities = loading.warehouse.catalog.select(&which.entities)?;
    if let Some(corrected) = corrected {
        store(pool, &entities, corrected).await?;
    }
    let lake = loading.lake_id(&entities, false).await?;
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let arguments = json!({ "run_id": which.run_id });
    let execution = Execution::begin(pool, "rejects replay", &names, &arguments, &settings.machine).await?;
    let selection = Selection { lake, run_id: which.run_id.clone(), again: Again::Rejected, ..Selection::default() };
    let jobs = loading.jobs(&entities, execution.id, &selection, None);
    let watched = progress::watch(settings);
    let replay = async |job: &LoadJob| {
        let mut one = replay(job, &watched.meter).await?;
        let failure = one.summary.failure.take();
        Ok((one, failure))
    };
    let (replayed, failures) = loading.each(&jobs, replay).await?;
    drop(watched);
    let json = to_json(&replayed);
    let failure = failures::combined(failures).or_else(|| still_rejected(&replayed));
    execution.finish(pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(text(&replayed), json).failed_with(failure))
}

/// Stores corrected texts in the ledger: all of them or, when one has no open reject, none.
async fn store(pool: &Pool, entities: &[&Entity], corrected: Vec<(RejectId, Vec<u8>)>) -> Result<()> {
    let names: Vec<String> = entities.iter().map(|e| e.name.clone()).collect();
    let unknown = rejects::fix(pool, &names, corrected).await?;
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown: Vec<String> = unknown.iter().map(RejectId::to_string).collect();
    Err(Error::new(Kind::Usage, format!("no open reject of {} has the id {}", names.join(", "), unknown.join(", ")))
        .detail("no correction of the file was stored")
        .hint("evo rejects list shows the open ones; remove the others from the file"))
}

async fn replay(job: &LoadJob, meter: &Meter) -> Result<Replayed> {
    let (entity, selection) = (job.entity.name.as_str(), &job.selection);
    let open = async || {
        let open = rejects::open(&job.pool, entity, &selection.run_id).await?;
        Ok::<_, Error>(open.into_iter().partition::<Vec<_>, _>(|open| open.lake == selection.lake))
    };
    let count = |open: &[OpenRejects]| open.iter().map(|open| open.count).sum();
    let before = count(&open().await?.0);
    let summary = match before {
        0 => EntitySummary::new(entity),
        _ => load::replay(job, meter).await?,
    };
    let (here, elsewhere) = open().await?;
    Ok(Replayed { before, after: count(&here), elsewhere, summary })
}

/// Why the command fails although it did what it could: objects that could not be read, and rejects that
/// remain.
fn still_rejected(replayed: &[Replayed]) -> Option<Error> {
    let error = |entity: &str, message: String| Error::new(Kind::CheckFailed, format!("{entity}: {message}"));
    unreadable(replayed)
        .or_else(|| {
            let r = replayed.iter().find(|r| r.after > 0 && r.summary.failure.is_none())?;
            let entity = &r.summary.entity;
            Some(
                error(
                    entity,
                    units::counted(r.after.unsigned_abs(), "line is still refused", "lines are still refused"),
                )
                .hint(format!("evo rejects list {entity}; correct them: evo rejects export {entity} --to FILE")),
            )
        })
        .or_else(|| {
            let r = replayed.iter().find(|r| !r.elsewhere.is_empty() && r.summary.failure.is_none())?;
            let (entity, lines) = (&r.summary.entity, r.elsewhere.iter().map(|open| open.count).sum::<i64>());
            let address = r.elsewhere.iter().find_map(|open| open.address.as_deref()).unwrap_or("ADDRESS");
            Some(
                error(entity, format!("{} in objects of another lake", refused(lines)))
                    .detail(
                        "a replay reads the objects of the lake that --lake names, and leaves those of others alone",
                    )
                    .hint(format!("evo rejects replay {entity} --lake '{}'", visible::line(address))),
            )
        })
}

fn unreadable(replayed: &[Replayed]) -> Option<Error> {
    let mut quarantined = Vec::new();
    let mut unreadable = Sample::default();
    for not_loaded in replayed.iter().map(|r| &r.summary.not_loaded) {
        quarantined.extend(not_loaded.quarantined.iter());
        unreadable.extend(not_loaded.unreadable.clone());
    }
    let mut named: Vec<String> =
        quarantined.iter().take(NAMED).map(|(path, reason)| format!("{}: {reason}", visible::line(path))).collect();
    if quarantined.len() > named.len() {
        named.push(format!("… and {} more: evo objects list", quarantined.len() - named.len()));
    }
    let set_aside = (!quarantined.is_empty()).then(|| {
        Error::new(
            Kind::SourceCorrupt,
            units::counted(quarantined.len() as u64, "object is set aside", "objects are set aside"),
        )
        .detail(named.join("\n"))
        .hint("everything else is replayed; extract them again: a replaced object is loaded by the next evo load")
    });
    set_aside.or_else(|| loading::unreadable(&unreadable))
}

fn refused(lines: i64) -> String {
    units::counted(lines.unsigned_abs(), "refused line is", "refused lines are")
}

fn text(replayed: &[Replayed]) -> String {
    if replayed.iter().all(|r| r.before == 0 && r.elsewhere.is_empty()) {
        return "no rejected lines: nothing to replay".to_owned();
    }
    let n = |v: i64| units::count(v.unsigned_abs());
    let rows: Vec<Vec<String>> = replayed
        .iter()
        .filter(|r| r.before > 0)
        .map(|r| {
            let s = &r.summary;
            vec![
                s.entity.clone(),
                n(r.before),
                n(r.before - r.after),
                n(r.after),
                units::count(s.objects),
                n(s.counts.inserted),
                n(s.counts.updated),
                n(s.counts.unchanged),
                n(s.counts.superseded),
            ]
        })
        .collect();
    let headers = [
        "entity",
        ">refused",
        ">resolved",
        ">still refused",
        ">objects read",
        ">inserted",
        ">updated",
        ">unchanged",
        ">superseded",
    ];
    let mut parts: Vec<String> = (!rows.is_empty()).then(|| table(&headers, rows)).into_iter().collect();
    for s in replayed.iter().map(|r| &r.summary).filter(|s| s.not_loaded.gone > 0) {
        let gone = units::counted(
            s.not_loaded.gone,
            "object is no longer in the lake as it was",
            "objects are no longer in the lake as they were",
        );
        parts.push(format!("{}: {gone}", s.entity));
    }
    for (r, open) in replayed.iter().flat_map(|r| r.elsewhere.iter().map(move |open| (r, open))) {
        let address =
            open.address.as_deref().map_or(open.lake.to_string(), |address| visible::line(address).to_string());
        parts.push(format!("{}: {} in the lake {address}", r.summary.entity, refused(open.count)));
    }
    parts.join("\n")
}

fn to_json(replayed: &[Replayed]) -> Value {
    let elsewhere =
        |open: &OpenRejects| json!({ "lake_id": open.lake.0, "address": open.address, "refused": open.count });
    json!({
        "entities": replayed.iter().map(|r| json!({
            "entity": r.summary.entity, "refused": r.before, "resolved": r.before - r.after, "still_refused": r.after,
            "objects": r.summary.objects, "inserted": r.summary.counts.inserted, "updated": r.summary.counts.updated,
            "unchanged": r.summary.counts.unchanged, "superseded": r.summary.counts.superseded,
            "gone": r.summary.not_loaded.gone, "in_other_lakes": r.elsewhere.iter().map(elsewhere).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_objects_that_cannot_be_read_the_first_are_named_and_the_others_counted() {
        let mut summary = EntitySummary::new("sales");
        summary.not_loaded.quarantined = (0..23).map(|i| (format!("object-{i}"), "cut".to_owned())).collect();
        let error = unreadable(&[Replayed { before: 1, after: 1, elsewhere: Vec::new(), summary }]).unwrap();
        let text = error.render();
        assert!(text.contains("23 objects are set aside") && text.contains("object-19: cut"), "{text}");
        assert!(text.contains("… and 3 more: evo objects list") && !text.contains("object-20"), "{text}");
    }
}
