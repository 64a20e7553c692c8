-- purpose: read the moment after the fill, by the server's clock, and the first transaction that had not
--          begun then
-- rows: one: timestamptz, and a text of digits
-- locks: none
-- idempotent: reads only
select clock_timestamp(), pg_snapshot_xmax(pg_current_snapshot())::text
