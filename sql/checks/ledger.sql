-- purpose: the data is what the ledger says: objects, batches, staging and core count the same rows
-- for: each entity
-- severity: fail
-- when: check
-- hint: something else wrote to staging or core, or a table was restored alone; what is wrong in core is repaired by evo transform ENTITY --full-refresh
with objects as (
    select count(*) as loaded, coalesce(sum(lines_count), 0) as lines
    from evo.objects where entity = {entity} and state = 'loaded'
),
-- What was loaded again, by --all-runs or a replay, is counted by the later batch alone.
batches as (
    select coalesce(sum(objects_count - again_objects_count), 0) as loaded,
           coalesce(sum(inserted_count), 0)
               + (select coalesce(sum(rows_count), 0) from evo.recounts where entity = {entity}) as inserted,
           coalesce(sum(lines_count - again_lines_count), 0) as lines,
           bool_and(exists (select from evo.model_batches m where m.entity = b.entity and m.batch_id = b.batch_id))
               as transformed
    from evo.batches b where entity = {entity} and state = 'committed'
),
staging as (select count(*) as rows from {staging}),
documents as (select count(*) as rows from {documents} d),
core as (select count(*) as rows from {current} c)
select format('objects %s, in batches %s', o.loaded, b.loaded) from objects o, batches b where o.loaded <> b.loaded
union all
select format('lines of objects %s, of batches %s', o.lines, b.lines) from objects o, batches b where o.lines <> b.lines
union all
select format('rows of staging %s, inserted by batches %s', s.rows, b.inserted) from staging s, batches b
where s.rows <> b.inserted
union all
select format('rows of core %s, of staging %s', c.rows, d.rows) from core c, documents d, batches b
where b.transformed and c.rows <> d.rows
