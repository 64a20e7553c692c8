-- purpose: the moment after the fill, by the server's clock, and the first transaction that had not begun then
-- rows: one: both as text
select clock_timestamp()::text, pg_snapshot_xmax(pg_current_snapshot())::text
