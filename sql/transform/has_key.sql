-- purpose: find out whether an upsert on these columns finds a unique index that serves it
-- parameters: $1 table text, $2 columns text[]
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select 1
    from pg_index i
    where i.indrelid = $1::text::regclass and i.indisunique and i.indisvalid and i.indimmediate
      and i.indpred is null and i.indexprs is null and i.indnkeyatts = cardinality($2)
      and (select array_agg(a.attname::text order by a.attname::text)
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
           join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
           where k.place <= i.indnkeyatts) = (select array_agg(c order by c) from unnest($2) c)
)
