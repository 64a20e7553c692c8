-- purpose: find what the role lacks on evo's tables
-- parameters: $1 schemas text[]
-- rows: one for each owner of whom this role is no member, and one, with null, for all others: owner as SQL
--       writes it; number of tables; one of them; number of those that this role cannot read; those whose rows a
--       policy hides from this role
-- locks: none
-- idempotent: reads only
with relation as (
    select format('%I.%I', n.nspname, c.relname) as name, c.oid, c.relowner,
           pg_has_role(c.relowner, 'usage') as is_ours,
           has_table_privilege(c.oid, 'select') as is_readable,
           row_security_active(c.oid) as hides_rows
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1) and c.relkind in ('r', 'p')
)
select case when not r.is_ours then quote_ident(pg_get_userbyid(r.relowner)) end as owner,
       count(*), min(r.name), count(*) filter (where not r.is_readable),
       array_agg(r.name order by r.name) filter (where r.hides_rows)
from relation r
group by 1
order by 1 nulls last
