-- purpose: what staging holds, by run
-- rows: entity, run, records, files, first and last load; the newest run first
select 'members' as entity, run_id, count(*) as records, count(distinct _source_file) as files,
    min(_loaded_at) as first_loaded, max(_updated_at) as last_updated
from stg_evo.members_raw group by run_id
union all
select 'sales', run_id, count(*), count(distinct _source_file), min(_loaded_at), max(_updated_at)
from stg_evo.sales_raw group by run_id
union all
select 'entries', run_id, count(*), count(distinct _source_file), min(_loaded_at), max(_loaded_at)
from stg_evo.entries_raw group by run_id
union all
select 'prospects', run_id, count(*), count(distinct _source_file), min(_loaded_at), max(_updated_at)
from stg_evo.prospects_raw group by run_id
order by entity, run_id desc;
