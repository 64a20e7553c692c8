-- purpose: where prospects come from, and how many became members
-- rows: channel, prospects, converted, conversion in percent; the largest first
select coalesce(mkt_channel, 'unknown') as channel,
       count(*) as prospects,
       count(*) filter (where is_converted) as converted,
       round(100.0 * count(*) filter (where is_converted) / count(*), 1) as conversion_percent
from core.evo_prospects
group by 1
order by prospects desc, channel;
