-- purpose: passages of each day
-- rows: day, passages, different members, blocked passages; the newest first
select entry_date::date as day, count(*) as entries, count(distinct member_id) as members,
    count(block_reason) as blocked
from core.evo_entries
group by 1
order by 1 desc;
