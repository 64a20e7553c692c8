-- purpose: the newest record of each core table
-- rows: table, newest record, hours since
select table_name, newest, round(extract(epoch from now() - newest) / 3600, 1) as hours_ago
from (
    select 'evo_members' as table_name, max(register_date) as newest from core.evo_members
    union all
    select 'evo_sales', max(sale_date) from core.evo_sales
    union all
    select 'evo_entries', max(entry_date) from core.evo_entries
    union all
    select 'evo_prospects', max(register_date) from core.evo_prospects
) as newest
order by table_name;
