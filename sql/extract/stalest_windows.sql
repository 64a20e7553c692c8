-- purpose: read how long ago windows of an entity's first query were read, in order to read the stalest again
-- parameters: $1 entity text, $2 lake id int, $3 from days date[], $4 until days date[], one of each a
--             window
-- rows: from_day, until_day, days since the day of it that was read longest ago was read; oldest first;
--       without windows of which a day was never read
-- locks: none
-- idempotent: reads only
select w.from_day, w.until_day, (extract(epoch from clock_timestamp() - min(last.read_at)) / 86400)::float8
from unnest($3::date[], $4::date[]) as w (from_day, until_day)
cross join lateral generate_series(w.from_day, w.until_day - 1, interval '1 day') as d (day)
cross join lateral (
    select max(r.finished_at) as read_at
    from evo.windows r
    join evo.extractions e on e.extraction_id = r.extraction_id
    where r.entity = $1 and e.lake_id = $2 and r.query = '' and r.state = 'complete'
      and r.from_day <= d.day and d.day < r.until_day
) last
group by w.from_day, w.until_day
having bool_and(last.read_at is not null)
order by min(last.read_at), w.from_day
