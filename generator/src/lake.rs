//! Writes all runs of a plan into a directory.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use rayon::prelude::*;

use crate::doc::Doc;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::layout::{self, Part, Run};
use crate::manifest;
use crate::object::{self, Found};
use crate::part::{self, Tally};
use crate::plan::Plan;
use crate::world::World;

/// The result of one run of one entity.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RunSummary {
    /// The entity that was written.
    #[serde(serialize_with = "name")]
    pub entity: Entity,
    /// The run's place in time, from 1.
    pub run: u64,
    /// The run's id in its paths.
    pub run_id: String,
    /// Objects of the run, without the manifest.
    pub objects: u64,
    /// Of these: objects that were already there with the same lines, and were left alone.
    pub kept: u64,
    /// Counts of its lines and records.
    #[serde(flatten)]
    pub tally: Tally,
    /// Compressed size of the objects, bytes.
    pub gzip_bytes: u64,
    /// Wall-clock time that it took, in milliseconds.
    pub elapsed_ms: u64,
}

fn name<S: serde::Serializer>(entity: &Entity, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(entity.name())
}

/// The result of a plan.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// One row per run, in the order of writing.
    pub runs: Vec<RunSummary>,
}

impl Summary {
    /// The runs of one entity, added up.
    pub fn of(&self, entity: Entity) -> Tally {
        let mut total = Tally::default();
        self.runs.iter().filter(|run| run.entity == entity).for_each(|run| total.add(&run.tally));
        total
    }
}

/// The result of one object.
#[derive(Debug, Clone, Copy)]
struct Done {
    tally: Tally,
    gzip_bytes: u64,
    kept: bool,
}

/// A run on its way: a slot per part, filled when the object is there.
struct Work {
    run: Run,
    done: Vec<Option<Done>>,
    /// Objects that lie where the run writes and are not what it writes.
    strange: Vec<PathBuf>,
    elapsed: Duration,
}

/// Writes the lake of `plan` into the directory `lake`.
///
/// Objects appear whole. An object that is already there with the same lines is left alone, so that a
/// repeated or an interrupted call may simply be repeated.
///
/// # Errors
/// [`Error::Plan`] for a plan that makes no sense; [`Error::Occupied`], before anything is written, when the
/// folders of its runs hold something else and `force` is not set; [`Error::File`] when the file system
/// refuses.
pub fn write_lake(lake: &Path, plan: &Plan) -> Result<Summary> {
    write_lake_with(lake, plan, &|_| {})
}

/// [`write_lake`], with a function that is called with the number of records of each finished object.
///
/// # Errors
/// Those of [`write_lake`].
pub fn write_lake_with(lake: &Path, plan: &Plan, progress: &(dyn Fn(u64) + Sync)) -> Result<Summary> {
    plan.check()?;
    let world = World::new(plan);
    let mut works = Vec::new();
    for entity in Entity::ALL.into_iter().filter(|entity| plan.entities.contains(entity)) {
        for number in 0..plan.runs {
            works.push(inspect(lake, &world, layout::run(&world, entity, number), progress)?);
        }
    }
    let strange: Vec<&PathBuf> = works.iter().flat_map(|work| &work.strange).collect();
    if let (Some(first), false) = (strange.first(), plan.force) {
        let message = format!("the lake holds other objects where this plan writes: {}", strange.len());
        return Err(Error::Occupied {
            message,
            detail: Some(format!("{} is the first; nothing was written", first.display())),
            hint: "choose another --first-run, another --lake, or replace them with --force",
        });
    }
    let runs = works.into_iter().map(|work| finish(lake, &world, work, progress)).collect::<Result<_>>()?;
    Ok(Summary { runs })
}

/// Compares what is there with what the run would write.
fn inspect(lake: &Path, world: &World, run: Run, progress: &(dyn Fn(u64) + Sync)) -> Result<Work> {
    let began = Instant::now();
    let planned: HashSet<PathBuf> = run.parts.iter().map(|part| lake.join(&part.path)).collect();
    let mut strange = Vec::new();
    for folder in days(&world.plan, &run).map(|day| lake.join(layout::folder(run.entity, day, &run.run_id))) {
        let paths = object::names(&folder)?.into_iter().map(|name| folder.join(name));
        strange.extend(paths.filter(|path| !planned.contains(path)));
    }
    let look = |doc: &mut Doc, part: &Part| -> Result<(Option<Done>, bool)> {
        let path = lake.join(&part.path);
        if !path.exists() {
            return Ok((None, false));
        }
        doc.out.clear();
        let tally = part::fill(world, part, doc);
        Ok(match object::compare(&path, &doc.out)? {
            Found::Nothing => (None, false),
            Found::Other => (None, true),
            Found::Same(gzip_bytes) => {
                progress(tally.records);
                (Some(Done { tally, gzip_bytes, kept: true }), false)
            }
        })
    };
    let found = run.parts.par_iter().map_init(Doc::default, look).collect::<Result<Vec<_>>>()?;
    let other = run.parts.iter().zip(&found).filter(|(_, (_, other))| *other);
    strange.extend(other.map(|(part, _)| lake.join(&part.path)));
    let done = found.into_iter().map(|(done, _)| done).collect();
    Ok(Work { run, done, strange, elapsed: began.elapsed() })
}

/// The days under which the run's folders may lie.
fn days(plan: &Plan, run: &Run) -> impl Iterator<Item = NaiveDate> {
    let first = plan.first_run + Days::new(run.number);
    [first, first + Days::new(1)].into_iter()
}

/// Writes what is missing, and the manifest last.
fn finish(lake: &Path, world: &World, work: Work, progress: &(dyn Fn(u64) + Sync)) -> Result<RunSummary> {
    let began = Instant::now();
    let Work { run, done, strange, elapsed } = work;
    for path in &strange {
        fs::remove_file(path).map_err(|e| Error::file("cannot remove", path, e))?;
    }
    let write = |doc: &mut Doc, (part, done): (&Part, Option<Done>)| -> Result<Done> {
        if let Some(done) = done {
            return Ok(done);
        }
        doc.out.clear();
        let tally = part::fill(world, part, doc);
        let gzip_bytes = object::write_gzip(&lake.join(&part.path), &doc.out, world.plan.gzip_level)?;
        progress(tally.records);
        Ok(Done { tally, gzip_bytes, kept: false })
    };
    let done = run.parts.par_iter().zip(done).map_init(Doc::default, write).collect::<Result<Vec<_>>>()?;
    let mut windows = vec![(0, Tally::default()); run.windows.len()];
    let mut tally = Tally::default();
    for (part, done) in run.parts.iter().zip(&done) {
        windows[part.window].0 += 1;
        windows[part.window].1.add(&done.tally);
        tally.add(&done.tally);
    }
    write_manifest(lake, world, &run, &windows)?;
    Ok(RunSummary {
        entity: run.entity,
        run: run.number + 1,
        run_id: run.run_id,
        objects: done.len() as u64,
        kept: done.iter().filter(|done| done.kept).count() as u64,
        tally,
        gzip_bytes: done.iter().map(|done| done.gzip_bytes).sum(),
        elapsed_ms: (elapsed + began.elapsed()).as_millis() as u64,
    })
}

/// Writes the manifest into the run's last folder, unless the same one is there.
fn write_manifest(lake: &Path, world: &World, run: &Run, windows: &[(u64, Tally)]) -> Result<()> {
    let text = if world.plan.manifest { manifest::text(&world.plan, run, windows) } else { None };
    let (Some(text), Some(last)) = (text, run.windows.last()) else { return Ok(()) };
    let path = lake.join(layout::folder(run.entity, last.extracted, &run.run_id)).join("_manifest.json");
    match fs::read(&path) {
        Ok(there) if there == text.as_bytes() => Ok(()),
        Ok(_) if !world.plan.force => {
            let message = format!("another manifest is there: {}", path.display());
            Err(Error::Occupied { message, detail: None, hint: "replace it with --force" })
        }
        _ => object::write(&path, text.as_bytes()),
    }
}
