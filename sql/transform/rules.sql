-- purpose: list rules that change what an insert, update or delete of a table does
-- parameters: $1 table text
-- rows: rule name
-- locks: none
-- idempotent: reads only
-- INSERT … ON CONFLICT refuses a table with INSERT or UPDATE rules.
select rulename::text from (
    select r.rulename from pg_rewrite r where r.ev_class = $1::text::regclass and r.ev_type in ('2', '3', '4')
) rules
order by 1
