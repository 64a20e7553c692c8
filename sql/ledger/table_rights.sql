-- purpose: find what the role lacks on evo's tables; what others have in the same schemas does not count
-- parameters: $1 evo's schemas text[], $2 staging and core tables of the entities, not quoted text[]
-- rows: one for each owner of whose rights this role has none, and one, with null, for all others: owner as SQL
--       writes it; number of tables; one of them; number of those that this role cannot read; those whose rows a
--       policy hides from this role; number of those that it cannot write; the role as SQL writes it
-- locks: none
-- idempotent: reads only
with migrated as (
    select c.relowner
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'evo' and c.relname = 'schema_history'
),
relation as (
    select format('%I.%I', n.nspname, c.relname) as name, c.relowner,
           pg_has_role(c.relowner, 'usage') as is_ours,
           has_table_privilege(c.oid, 'select') as is_readable,
           has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
               and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete') as is_writable,
           row_security_active(c.oid) as hides_rows
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_class root on root.oid = coalesce(pg_partition_root(c.oid)::oid, c.oid)
    join pg_namespace s on s.oid = root.relnamespace
    where c.relkind in ('r', 'p') and n.nspname = any ($1)
      and (n.nspname = 'evo' or c.relowner in (select relowner from migrated)
           or format('%s.%s', s.nspname, root.relname) = any ($2))
)
select case when not r.is_ours then quote_ident(pg_get_userbyid(r.relowner)) end as owner,
       count(*), min(r.name), count(*) filter (where not r.is_readable),
       array_agg(r.name order by r.name) filter (where r.hides_rows),
       count(*) filter (where not r.is_writable), quote_ident(current_user)
from relation r
group by 1
order by 1 nulls last
