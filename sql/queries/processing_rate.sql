-- purpose: records loaded in each minute of the last day
-- rows: minute, records, records per second; the newest first
select date_trunc('minute', _loaded_at) as minute, count(*) as records, round(count(*) / 60.0, 1) as per_second
from (
    select _loaded_at from stg_evo.members_raw
    union all
    select _loaded_at from stg_evo.sales_raw
    union all
    select _loaded_at from stg_evo.entries_raw
    union all
    select _loaded_at from stg_evo.prospects_raw
) as loaded
where _loaded_at > now() - interval '24 hours'
group by 1
order by 1 desc;
