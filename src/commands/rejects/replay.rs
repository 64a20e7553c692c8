//! `evo rejects replay`: the objects with open rejects are loaded again, corrected texts in the place of refused lines.
//!
//! Whole objects, so that a line that was refused competes with the other lines of its key as it would have at first: it is
//! neither newer nor older than its place. Lines that are in already are found unchanged and cost next to nothing.

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
use crate::ledger::rejects;
use crate::ledger::runs::Execution;
use crate::load::{EntitySummary, Job};
use crate::meter::{Meter, Unit};
use crate::pg::Pool;
use crate::report::progress;
use crate::report::table::table;
use crate::report::{Outcome, units};
use crate::visible;

/// What became of an entity's rejects.
struct Replayed {
    before: i64,
    after: i64,
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
        keep(pool, &entities, corrected).await?;
    }
    let lake = loading.lake_id(&entities, false).await?;
    let names: Vec<&str> = entities.iter().map(|e| e.name.as_str()).collect();
    let execution = Execution::begin(pool, "rejects replay", &names, &json!({ "run_id": which.run_id })).await?;
    let selection = Selection { lake, run_id: which.run_id.clone(), since: None, again: Again::Rejected };
    let jobs = loading.jobs(&entities, execution.id, &selection, None);
    let watched = progress::watch(settings);
    let replay = async |job: &Job| {
        let mut one = replay(job, &watched.meter).await?;
        let failure = one.summary.failure.take();
        Ok((one, failure))
    };
    let (replayed, failures) = loading.each(&jobs, replay).await?;
    drop(watched);
    let json = to_json(&replayed);
    let failure = failures::combined(failures).or_else(|| left(&replayed));
    execution.finish(pool, &json, failure.as_ref()).await;
    Ok(Outcome::new(text(&replayed), json).failed_with(failure))
}

/// Keeps corrected texts in the ledger, all of them or, when one has no open reject, none.
async fn keep(pool: &Pool, entities: &[&Entity], corrected: Vec<(RejectId, Vec<u8>)>) -> Result<()> {
    let names: Vec<String> = entities.iter().map(|e| e.name.clone()).collect();
    let lost = rejects::fix(pool, &names, corrected).await?;
    if lost.is_empty() {
        return Ok(());
    }
    let lost: Vec<String> = lost.iter().map(RejectId::to_string).collect();
    Err(Error::new(Kind::Usage, format!("no open reject of {} has the id {}", names.join(", "), lost.join(", ")))
        .detail("nothing of the file was taken")
        .hint("evo rejects list shows those that are open; take the others out of the file"))
}

async fn replay(job: &Job, meter: &Meter) -> Result<Replayed> {
    let before = rejects::open(&job.pool, &job.entity.name).await?;
    let mut summary = EntitySummary::new(&job.entity.name);
    if before > 0 {
        let plan = job.plan_rejected().await?;
        let phase = meter.phase(format!("{}: loading again", job.entity.name), plan.bytes(), Unit::Bytes);
        summary.add(job.run(&|done| phase.add(done.bytes)).await);
    }
    let after = rejects::open(&job.pool, &job.entity.name).await?;
    Ok(Replayed { before, after, summary })
}

/// Rejects that stay are not silently passed over.
fn left(replayed: &[Replayed]) -> Option<Error> {
    if let Some(error) = set_aside(replayed) {
        return Some(error);
    }
    let r = replayed.iter().find(|r| r.after > 0 && r.summary.failure.is_none())?;
    let entity = &r.summary.entity;
    Some(
        Error::new(Kind::CheckFailed, format!("{entity}: {} lines are still refused", r.after))
            .hint(format!("evo rejects list {entity}; correct them: evo rejects export {entity} --to FILE")),
    )
}

/// Objects that could not be read are not silently passed over.
fn set_aside(replayed: &[Replayed]) -> Option<Error> {
    let quarantined = replayed.iter().flat_map(|r| &r.summary.aside.quarantined);
    let objects: Vec<String> = quarantined.map(|(path, reason)| format!("{}: {reason}", visible::line(path))).collect();
    let mut unreadable = Sample::default();
    replayed.iter().for_each(|r| unreadable.extend(r.summary.aside.unreadable.clone()));
    let aside = (!objects.is_empty()).then(|| {
        Error::new(Kind::SourceCorrupt, format!("{} object(s) are set aside", objects.len()))
            .detail(objects.join("\n"))
            .hint("everything else is replayed; extract them again: a replaced object is loaded by the next evo load")
    });
    aside.or_else(|| loading::unreadable(&unreadable))
}

fn text(replayed: &[Replayed]) -> String {
    if replayed.iter().all(|r| r.before == 0) {
        return "no line is refused: nothing to replay".to_owned();
    }
    let n = |v: i64| units::count(v.unsigned_abs());
    let rows = replayed.iter().filter(|r| r.before > 0).map(|r| {
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
    });
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
    let mut text = table(&headers, rows);
    for s in replayed.iter().map(|r| &r.summary).filter(|s| s.aside.gone > 0) {
        text += &format!("\n{}: {} object(s) are no longer in the lake as they were", s.entity, s.aside.gone);
    }
    text
}

fn to_json(replayed: &[Replayed]) -> Value {
    json!({
        "entities": replayed.iter().map(|r| json!({
            "entity": r.summary.entity, "refused": r.before, "resolved": r.before - r.after, "still_refused": r.after,
            "objects": r.summary.objects, "inserted": r.summary.counts.inserted, "updated": r.summary.counts.updated,
            "unchanged": r.summary.counts.unchanged, "superseded": r.summary.counts.superseded,
            "gone": r.summary.aside.gone,
        })).collect::<Vec<_>>(),
    })
}
