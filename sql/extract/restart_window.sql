-- purpose: begin a window again, because the set moved between two of its pages
-- parameters: $1 window id bigint, $2 fence int, $3 further requests bigint
-- rows: how often it has moved by now; none when the claim is lost
-- locks: the window's row, for a moment
-- idempotent: no
update evo.windows
set pages_count = 0, records_count = 0, objects = '[]', progress = null, drifts_count = drifts_count + 1,
    requests_count = requests_count + $3
where window_id = $1 and fence = $2 and state = 'claimed'
returning drifts_count
