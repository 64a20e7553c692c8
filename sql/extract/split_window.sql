-- purpose: cut a claimed window in two: the claim keeps the days before, the others are planned
-- parameters: $1 window id bigint, $2 fence int, $3 first day of the second half date, $4 further requests
--             bigint
-- rows: the id of the new window; none when the claim is lost
-- locks: the window's row, for a moment
-- idempotent: no
with first_half as (
    update evo.windows w
    set until_day = $3, pages_count = 0, records_count = 0, objects = '[]', progress = null, drifts_count = 0,
        requests_count = w.requests_count + $4
    from (select window_id, until_day from evo.windows where window_id = $1 for update) before
    where w.window_id = before.window_id and w.fence = $2 and w.state = 'claimed' and $3 > w.from_day
      and $3 < w.until_day
    returning w.*, before.until_day as end_day
)
insert into evo.windows (extraction_id, entity, run_id, query, from_day, until_day, is_hole, state)
select extraction_id, entity, run_id, query, $3, end_day, is_hole, 'planned' from first_half
returning window_id
