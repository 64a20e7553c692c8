-- purpose: list the triggers that may change or leave out rows of a staging table before they are written
-- parameters: $1 table text
-- rows: the trigger as a phrase
-- locks: none
-- idempotent: reads only
select format('trigger %I on %s', t.tgname, t.tgrelid::regclass)
from pg_trigger t
-- Bits of tgtype: 1 for each row, 2 before, 4 on insert, 16 on update.
where t.tgrelid in (select $1::text::regclass union select relid from pg_partition_tree($1::text::regclass))
  and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 3 = 3 and t.tgtype & 20 <> 0
order by 1
