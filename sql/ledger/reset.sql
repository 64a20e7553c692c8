-- purpose: forget everything about an entity that a load or a transform has recorded; what it extracted stays
-- parameters: $1 entity text
-- rows: one: objects, batches, rejects, issues
-- locks: the rows that it deletes, until commit
-- idempotent: what is forgotten is not there any more
-- A new generation of its tables tells dimensions to elect again.
with batch as materialized (select batch_id from evo.batches where entity = $1),
object as materialized (select object_id from evo.objects where entity = $1),
reject as (delete from evo.rejects where entity = $1 returning 1),
seen as (delete from evo.seen_keys where object_id in (select object_id from object)),
manifest as (delete from evo.manifests where entity = $1),
manifest_object as (delete from evo.manifest_objects where entity = $1),
recount as (delete from evo.recounts where entity = $1),
marks as (delete from evo.mark_transactions where entity = $1),
followed as (delete from evo.followed_runs where entity = $1),
followed_batch as (delete from evo.followed_batches where batch_id in (select batch_id from batch)),
transformed as (delete from evo.model_batches where batch_id in (select batch_id from batch)),
field as (delete from evo.fields where entity = $1),
issue as (delete from evo.issues where entity = $1 returning 1),
definition as (delete from evo.definitions where entity = $1),
model as (update evo.models set generation = generation + 1 where entity = $1),
gone_object as (delete from evo.objects where entity = $1 returning 1),
gone_batch as (delete from evo.batches where entity = $1 returning 1)
select (select count(*) from gone_object), (select count(*) from gone_batch), (select count(*) from reject), (select count(*) from issue)
