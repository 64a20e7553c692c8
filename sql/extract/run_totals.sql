-- purpose: read how a run stands, whichever processes fetched it
-- parameters: $1 extraction id bigint
-- rows: one: state, windows, complete and failed ones, records, objects
-- locks: none
-- idempotent: reads only
select e.state, count(w.window_id), count(*) filter (where w.state = 'complete'),
    count(*) filter (where w.state = 'failed'), coalesce(sum(w.records_count), 0)::bigint,
    coalesce(sum(jsonb_array_length(w.objects)), 0)::bigint
from evo.extractions e
left join evo.windows w on w.extraction_id = e.extraction_id and w.state <> 'replaced'
where e.extraction_id = $1
group by e.state
