-- purpose: read how many rows an old partition has, and whether its partitioned parent was never analyzed
-- placeholders: {old} the partition, {parent} its parent as a literal
-- rows: one: rows bigint, boolean
-- locks: none
-- idempotent: reads only
select (select count(*) from {old}), (select reltuples <= 0 from pg_class where oid = {parent}::regclass)
