//! The summary of a verification for a person.

use super::dimensions::VerifiedDimension;
use super::repair::RepairedEntity;
use super::verified::VerifiedEntity;
use super::{remedy, show_dimensions};
use crate::error::{Error, Kind};
use crate::report::table::table;
use crate::report::units;
use crate::transform::compare::CoreMismatch;
use crate::verify::{Cost, Mismatch, MismatchKind};
use crate::visible;

/// Mismatches of an entity that are shown.
const SHOWN: usize = 20;

const HEADERS: [&str; 8] =
    ["entity", "mode", ">staging rows", ">objects read", ">documents", ">core documents", ">seconds", "result"];

/// The summary of all entities and dimensions.
pub(super) fn text((entities, dimensions): (&[RepairedEntity], &[VerifiedDimension]), accepted: &[String]) -> String {
    let mut text = String::new();
    if !entities.is_empty() {
        text = table(&HEADERS, entities.iter().map(|entity| row(entity, accepted)));
    }
    for entity in entities {
        text += &findings(&entity.first);
        text += &notes(entity, accepted);
    }
    text += &show_dimensions::text(dimensions, accepted);
    text.trim_start_matches('\n').to_owned()
}

fn row(entity: &RepairedEntity, accepted: &[String]) -> Vec<String> {
    let v = &entity.first;
    let result = match (v.wrong(accepted).is_empty(), &entity.last) {
        (true, _) => "right".to_owned(),
        (false, Some(last)) if last.wrong(accepted).is_empty() => "repaired".to_owned(),
        (false, _) => "WRONG".to_owned(),
    };
    vec![
        v.entity.clone(),
        v.depth.word().to_owned(),
        units::count(v.staging.rows),
        units::count(v.documents.objects),
        units::count(v.documents.documents),
        units::count(v.core.documents),
        format!("{:.1}", v.elapsed.as_secs_f64()),
        result,
    ]
}

fn findings(v: &VerifiedEntity) -> String {
    let rows = v.found.iter().map(|mismatch| finding(&v.entity, mismatch));
    let all: Vec<String> = rows.chain(v.core.named.iter().map(|m| core_finding(&v.entity, m))).collect();
    let total: u64 = v.wrong(&[]).iter().map(|(_, count)| count).sum();
    let mut text: String = all.iter().take(SHOWN).map(|line| format!("\n{line}")).collect();
    let more = total.saturating_sub(all.len().min(SHOWN) as u64);
    if more > 0 {
        text += &format!("\n{}: {} more; --output json names a thousand of each kind", v.entity, units::count(more));
    }
    text
}

fn finding(entity: &str, m: &Mismatch) -> String {
    let mut line = format!("{entity}: {}", m.kind.word());
    if let Some(key) = &m.key {
        line += &format!(" {}", visible::line(&key.to_string()));
    }
    if let Some(place) = &m.place {
        line += &format!(": {}", visible::line(&place.path));
        if place.line > 0 {
            line += &format!(" line {}", place.line);
        }
    }
    if !m.detail.is_empty() {
        line += &format!(": {}", visible::line(&m.detail));
    }
    line
}

fn core_finding(entity: &str, m: &CoreMismatch) -> String {
    let mut line = format!("{entity}: {} {} {}", m.kind.word(), m.table, visible::line(&m.key));
    if !m.columns.is_empty() {
        line += &format!(" ({})", m.columns.join(", "));
    }
    match &m.source {
        Some((path, number)) => line += &format!(": {} line {number}", visible::line(path)),
        None => line += ": staging has no such document",
    }
    line
}

/// Notes about an entity, and the commands to type.
fn notes(entity: &RepairedEntity, accepted: &[String]) -> String {
    let (v, mut text) = (&entity.first, String::new());
    let name = &v.entity;
    if v.unread_rows > 0 {
        let rows = units::counted(v.unread_rows, "row is", "rows are");
        let why = match v.staging.shows_writers {
            true => "as after a restore",
            false => "because rows of distributed tables do not show who wrote them",
        };
        text += &format!(
            "\n{name}: {rows} not known to be as a load wrote them, {why}; to compare them: evo verify {name} --deep"
        );
    }
    if v.documents.unprovable > 0 {
        let rows = units::counted(v.documents.unprovable, "row", "rows");
        text += &format!("\n{name}: {rows} cannot be compared: their objects cannot be read any more");
    }
    let left_out = v.left_out();
    if left_out > 0 {
        let documents = units::counted(left_out, "document is", "documents are");
        text += &format!("\n{name}: {documents} not compared with core, which has not transformed them yet");
    }
    match &entity.last {
        Some(last) => {
            let r = &entity.repaired;
            text += &format!(
                "\n{name}: repaired: {} deleted from staging, {} loaded again, {} transformed again{}",
                units::counted(r.removed, "row", "rows"),
                units::counted(r.objects, "object", "objects"),
                units::counted(r.documents, "document", "documents"),
                if r.is_recounted { ", counts settled" } else { "" },
            );
            if !last.wrong(accepted).is_empty() {
                text += &format!("\n{name}: still wrong:{}", findings(last));
            }
        }
        None if !v.wrong(accepted).is_empty() => {
            for command in remedy::commands(v) {
                text += &format!("\n{name}: to repair it: {command}");
            }
        }
        None => {}
    }
    text
}

/// Why the command fails: the first entity or dimension with which something is wrong at the end.
pub(super) fn failure(
    (entities, dimensions): (&[RepairedEntity], &[VerifiedDimension]),
    accepted: &[String],
) -> Option<Error> {
    let words = |kinds: Vec<(&'static str, u64)>| {
        let kinds = kinds.iter().map(|(kind, n)| format!("{kind} {}", units::count(*n)));
        kinds.collect::<Vec<_>>().join(", ")
    };
    let of_entities = entities.iter().map(|entity| {
        let v = entity.end();
        (v.entity.clone(), words(v.wrong(accepted)), hint(v, entity.last.is_some()))
    });
    let of_dimensions =
        dimensions.iter().map(|d| (d.name.clone(), words(d.wrong(accepted)), show_dimensions::command(d)));
    let mut all = of_entities.chain(of_dimensions).filter(|(_, kinds, _)| !kinds.is_empty());
    let (name, kinds, hint) = all.next()?;
    let error = Error::new(Kind::CheckFailed, format!("{name} is not right: {kinds}")).hint(hint);
    let others: Vec<String> = all.map(|(name, kinds, _)| format!("{name}: {kinds}")).collect();
    Some(if others.is_empty() { error } else { error.detail(format!("nor is {}", others.join("; "))) })
}

fn hint(v: &VerifiedEntity, is_repaired: bool) -> String {
    let is_gone = v.found.count(MismatchKind::ObjectGone) > 0;
    match remedy::commands(v).as_slice() {
        [] if is_gone => "restore the objects; or, if they were removed on purpose, --accept object-gone".to_owned(),
        [] => "extract the objects again; a replaced object is loaded by the next evo load".to_owned(),
        _ if is_repaired => "what is left was not repaired in three rounds: docs/verify.md".to_owned(),
        commands => commands.join("; then "),
    }
}

/// `--dry-run`: what a verification would read.
pub(super) fn costs(costs: &[(String, Cost, u64)], mode: &str) -> String {
    let rows = costs.iter().map(|(entity, cost, staged)| {
        vec![
            entity.clone(),
            mode.to_owned(),
            units::count(cost.objects),
            units::bytes(cost.bytes),
            units::count(cost.lines),
            units::count(*staged),
        ]
    });
    table(&["entity", "mode", ">objects", ">compressed", ">lines", ">documents in staging"], rows)
}
