-- purpose: record that an object of a window is about to be written, if the claim still holds
-- parameters: $1 window id bigint, $2 fence int, $3 number of the object int
-- rows: the window's id; none when the claim is lost
-- locks: the window's row, for a moment
-- idempotent: yes
update evo.windows
set parts_count = greatest(parts_count, $3)
where window_id = $1 and fence = $2 and state = 'claimed'
returning window_id
