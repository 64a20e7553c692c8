-- purpose: record that an object of a window is in the lake, and where the next one begins, if the claim
--          still holds
-- parameters: $1 window id bigint, $2 fence int, $3 pages bigint, $4 records bigint, $5 objects jsonb, $6
--             progress jsonb, $7 further requests bigint
-- rows: the window's id; none when the claim is lost
-- locks: the window's row, for a moment
-- idempotent: but for the count of requests
update evo.windows
set pages_count = $3, records_count = $4, objects = $5, progress = $6, requests_count = requests_count + $7
where window_id = $1 and fence = $2 and state = 'claimed'
returning window_id
