-- purpose: read what one execution did to each entity, and its share of the runs of bronze that it helped to load
-- parameters: $1 execution id uuid
-- rows: a row of evo.v_run_entities and its share, 0 to 1, as jsonb; no share of what is not a load
-- locks: none
-- idempotent: reads only
select to_jsonb(v) - '{execution_id,command,started_at}'::text[] || jsonb_build_object('share', s.share)
from evo.v_run_entities v
cross join lateral (
    select round(sum(b.lines_count) filter (where b.execution_id = v.execution_id)
                 / nullif(sum(b.lines_count), 0), 4) as share
    from evo.batches b
    where b.entity = v.entity and b.state = 'committed'
      and b.run_id in (select own.run_id from evo.batches own
          where own.execution_id = v.execution_id and own.entity = v.entity)
) s
where v.execution_id = $1
order by v.entity
