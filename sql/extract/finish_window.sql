-- purpose: record that a window is fetched whole, or failed with a reason, if the claim still holds
-- parameters: $1 window id bigint, $2 fence int, $3 reason text or null, $4 further requests bigint; the
--             newest change in its records or null: $5 with a zone timestamptz, $6 without one date; $7 zone
--             of the entity text
-- rows: the window's id; none when the claim is lost
-- locks: the window's row, for a moment
-- idempotent: yes, but a second time it says that the claim is lost
update evo.windows
set state = case when $3::text is null then 'complete' else 'failed' end, reason = $3, finished_by = execution_id,
    execution_id = null, lease_until = null, finished_at = clock_timestamp(), progress = null,
    requests_count = requests_count + $4,
    newest_day = greatest(($5::timestamptz at time zone $7::text)::date, $6::date)
where window_id = $1 and fence = $2 and state = 'claimed'
returning window_id
