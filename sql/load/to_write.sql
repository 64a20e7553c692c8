-- purpose: say what is to be written to a distributed staging table, and check the documents that are not
-- placeholders: {verdict} the verdicts, {documents} the table with the documents, as text
-- rows: one: new rows; changed rows; the parts that these are written in, see update_changed.sql; other
--       documents, all of which are jsonb; a setting of this transaction
-- locks: none outside of the session
-- idempotent: reads only
-- The servers that have the shards check what is written. No document goes unchecked because it is superseded.
-- Citus would let only one update of all shards run at a time, until its commit, because two that change the same rows
-- may wait for each other. Batches that change the same rows take turns: others need not wait. Those with new rows take
-- none, and two of them may bring the same ones.
select
    (select count(*) from {verdict} where verdict = 'new'),
    (select count(*) from {verdict} where verdict = 'changed'),
    (
        select coalesce(sum(d.bytes) / 67108864 + 1, 0)
        from {verdict} v
        cross join lateral (select octet_length(doc) as bytes from {documents} where ctid = v.stage_row offset 0) d
        where v.verdict = 'changed'
    ),
    (
        select count(d.doc::jsonb)
        from {documents} d
        where not exists (
            select 1 from {verdict} v where v.stage_row = d.ctid and v.verdict in ('new', 'changed')
        )
    ),
    set_config(
        'citus.enable_deadlock_prevention',
        case when exists (select 1 from {verdict} where verdict = 'new') then 'on' else 'off' end, true
    )
