//! Writes what the verdicts say: rows, seen keys, rejects; and counts every line.

use super::context::Merge;
use crate::error::Result;
use crate::ids::SeenKey;
use crate::ids::{ObjectId, ObjectNo};
use crate::ledger::batches::Counts;
use crate::ledger::seen::{self, Candidates, KeySet};
use crate::load::attempt_error::AttemptError;
use crate::pg::{Param, Row};
use crate::stage::StageAs;

/// Writes the batch's rows, seen keys and rejects. Returns the counts of each object, in order; `None` when
/// another batch changed a row since the verdicts: the caller rolls back.
///
/// # Errors
/// `BadRow` and `Refused` for rows that the server refuses, marked as such; see [`crate::pg`].
pub(super) async fn run(merge: &Merge<'_>) -> Result<Option<Vec<Counts>>, AttemptError> {
    supersede(merge).await?;
    let written = match merge.statements.writes_on_shards() {
        true => write_shards(merge).await,
        false => upsert(merge).await,
    };
    let Some(written) = written.map_err(AttemptError::of_rows)? else { return Ok(None) };
    let counts = count(merge, &written).await?;
    record_seen(merge).await?;
    file_rejects(merge, &counts).await?;
    Ok(Some(counts))
}

/// Writes what is new or changed; `None` for a surprise. Where each document is checked by itself, deferred
/// constraints are, too: at the commit it would be too late to find the line.
async fn upsert(merge: &Merge<'_>) -> Result<Option<Vec<Row>>> {
    let batch = &merge.lineage;
    let values: [&dyn Param; 6] =
        [&batch.run_id, &batch.paths, &batch.dates, &batch.newer, &batch.older, &merge.batch.batch_id];
    if merge.statements.stage_as() == StageAs::Text {
        merge.tx.batch("savepoint evo_write").await?;
    }
    let written = merge.tx.query(&merge.statements.upsert(), &values).await?;
    if merge.statements.stage_as() == StageAs::Text {
        merge.tx.batch("set constraints all immediate").await?;
    }
    Ok(without_surprises(written))
}

/// The rows of an upsert, unless it found rows that were not as the verdicts said.
fn without_surprises(written: Vec<Row>) -> Option<Vec<Row>> {
    written.iter().all(|row| row.get::<_, i64>(3) == 0).then_some(written)
}

/// The same where the table is distributed: the servers that have the shards parse the documents of changed
/// rows. Those of new rows are parsed by this one.
async fn write_shards(merge: &Merge<'_>) -> Result<Option<Vec<Row>>> {
    let (tx, statements, batch) = (merge.tx, merge.statements, &merge.lineage);
    let values: [&dyn Param; 6] =
        [&batch.run_id, &batch.paths, &batch.dates, &batch.newer, &batch.older, &merge.batch.batch_id];
    let row = tx.query_one(&statements.fill(sql_file!("load/to_write.sql")), &[]).await?;
    let (new, changed, parts): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let mut written = Vec::new();
    for part in 0..parts {
        let [run_id, paths, dates, newer, older, batch_id] = values;
        let values: [&dyn Param; 7] = [run_id, paths, dates, newer, older, batch_id, &part];
        written.extend(tx.query(&statements.update_changed(), &values).await?);
    }
    if written.iter().map(|row| row.get::<_, i64>(2)).sum::<i64>() != changed {
        return Ok(None);
    }
    if new > 0 {
        let Some(inserted) = without_surprises(tx.query(&statements.upsert_new(), &values).await?) else {
            return Ok(None);
        };
        written.extend(inserted);
    }
    Ok(Some(written))
}

/// Writes the rows of some verdicts, at these positions, deferred constraints included.
///
/// # Errors
/// See [`crate::pg`].
pub(super) async fn upsert_part(merge: &Merge<'_>, ctids: &[&str]) -> Result<()> {
    let (batch, ctids) = (&merge.lineage, ctids.to_vec());
    let values: [&dyn Param; 7] =
        [&batch.run_id, &batch.paths, &batch.dates, &batch.newer, &batch.older, &merge.batch.batch_id, &ctids];
    merge.tx.query(&merge.statements.upsert_part(), &values).await?;
    merge.tx.batch("set constraints all immediate").await
}

/// Lets changed keys lose that a newer object has seen.
async fn supersede(merge: &Merge<'_>) -> Result<()> {
    let (tx, entity, objects) = (merge.tx, merge.job.entity.name.as_str(), merge.batch.objects);
    if !seen::has_newer(tx, entity, objects).await? {
        return Ok(());
    }
    let mut changed = Candidates::default();
    let mut rows = tx.rows(&merge.statements.fill(sql_file!("load/changed.sql")), &[]).await?;
    while let Some(row) = rows.next().await? {
        changed.push(row.get(0), row.get(1), row.get(2));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let superseded = seen::by_newer(tx, entity, objects, &changed).await?;
    if !superseded.is_empty() {
        tx.execute(&merge.statements.fill(sql_file!("load/supersede.sql")), &[&superseded]).await?;
    }
    Ok(())
}

/// The counts of each object: those of the rows written, and those of all other lines.
async fn count(merge: &Merge<'_>, written: &[Row]) -> Result<Vec<Counts>> {
    let mut counts = vec![Counts::default(); merge.batch.objects.len()];
    for row in merge.tx.query(&merge.statements.fill(sql_file!("load/count.sql")), &[]).await? {
        let counted = &mut counts[object_no(&row)];
        let [accepted, winners, unchanged, superseded, rejected] = [1, 2, 3, 4, 5].map(|i| row.get::<_, i64>(i));
        counted.lines = accepted + rejected;
        counted.unchanged = unchanged;
        counted.superseded = superseded + accepted - winners;
        counted.rejected = rejected;
    }
    for row in written {
        let counted = &mut counts[object_no(row)];
        counted.inserted += row.get::<_, i64>(1);
        counted.updated += row.get::<_, i64>(2);
    }
    let known = merge.known.map(|known| &known.lines);
    for (i, keys) in known.iter().flat_map(|lines| &lines.keys).enumerate() {
        let unchanged = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        counts[i].unchanged += unchanged;
        counts[i].lines += unchanged;
    }
    for (i, superseded) in known.iter().flat_map(|lines| &lines.superseded).enumerate() {
        counts[i].superseded += superseded;
        counts[i].lines += superseded;
    }
    Ok(counts)
}

/// Records the keys that the batch's objects have seen and not touched.
async fn record_seen(merge: &Merge<'_>) -> Result<()> {
    let mut seen: Vec<Vec<SeenKey>> = match merge.known {
        Some(known) => known.lines.keys.clone(),
        None => vec![Vec::new(); merge.batch.objects.len()],
    };
    let mut rows = merge.tx.rows(&merge.statements.fill(sql_file!("load/seen.sql")), &[]).await?;
    while let Some(row) = rows.next().await? {
        seen[object_no(&row)].push(SeenKey { key: row.get(1), place: row.get(2) });
    }
    let mut sets: Vec<(ObjectId, KeySet)> = Vec::new();
    for (object, mut keys) in merge.batch.objects.iter().zip(seen).filter(|(_, keys)| !keys.is_empty()) {
        keys.sort_unstable();
        let mut set = KeySet::default();
        keys.into_iter().for_each(|key| set.push(key));
        sets.push((object.object_id, set));
    }
    if sets.is_empty() { Ok(()) } else { seen::record(merge.tx, sets).await }
}

async fn file_rejects(merge: &Merge<'_>, counts: &[Counts]) -> Result<()> {
    let (entity, paths, batch_id) = (&merge.job.entity.name, &merge.lineage.paths, &merge.batch.batch_id);
    if counts.iter().any(|c| c.rejected > 0) {
        let ids: Vec<ObjectId> = merge.batch.objects.iter().map(|o| o.object_id).collect();
        let sql = merge.statements.fill(sql_file!("load/reject.sql"));
        merge.tx.execute(&sql, &[entity, &ids, batch_id, paths]).await?;
    }
    let lake = merge.job.selection.lake;
    merge.tx.execute(sql_file!("load/resolve.sql"), &[entity, &lake, paths, batch_id]).await?;
    Ok(())
}

fn object_no(row: &Row) -> usize {
    row.get::<_, ObjectNo>(0).index()
}
