-- purpose: write the statements that give a partition's successor the other properties that the partition has
--          of its own
-- parameters: $1 partition text, $2 new table text, $3 core tables of the entity text[], $4
--             whether the tables are distributed boolean
-- rows: statement, in the order in which they must run; does it depend on what the new table has, so that it
--       is repeated with the others
-- locks: none
-- idempotent: reads only
with old as (
    select c.*, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1::text::regclass
),
new as (select c.* from pg_class c where c.oid = $2::text::regclass),
statement as (
    select 1 as part, '' as name, format('alter table %s set (%s)', $2, string_agg(
               format('toast.%s = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')) as text
    from old join pg_class t on t.oid = old.reltoastrelid cross join unnest(t.reloptions) o
    having count(*) > 0
    union all
    select 2, a.attname, format('alter table %s alter column %I set statistics %s', $2, a.attname, a.attstattarget)
    from old join pg_attribute a on a.attrelid = old.oid and a.attnum > 0 and not a.attisdropped
    where a.attstattarget >= 0 and not $4
    union all
    -- Some servers keep an option of their own in every column, which is not for others to set.
    select 3, a.attname, format('alter table %s alter column %I set (%s)', $2, a.attname, string_agg(o, ', '))
    from old join pg_attribute a on a.attrelid = old.oid and a.attnum > 0 and not a.attisdropped
    cross join unnest(a.attoptions) o
    where split_part(o, '=', 1) <> 'pg_attver' and not $4
    group by a.attnum, a.attname
    union all
    select 4, '', format('comment on table %s is %L', $2, obj_description(old.oid, 'pg_class'))
    from old where obj_description(old.oid, 'pg_class') is not null
    union all
    -- extended statistics
    select 5, s.stxname, replace(replace(pg_get_statisticsobjdef(s.oid), format('CREATE STATISTICS %I.%I ', sn.nspname, s.stxname),
                                         format('create statistics %s.%I ', split_part($2, '.', 1), s.stxname)),
                                 format(' FROM %s', $1), format(' from %s', $2))
    from old join pg_statistic_ext s on s.stxrelid = old.oid join pg_namespace sn on sn.oid = s.stxnamespace
    union all
    select 6, s.stxname, format('comment on statistics %s.%I is %L', split_part($2, '.', 1), s.stxname, obj_description(s.oid, 'pg_statistic_ext'))
    from old join pg_statistic_ext s on s.stxrelid = old.oid
    where obj_description(s.oid, 'pg_statistic_ext') is not null
    union all
    select 6, s.stxname, format('alter statistics %s.%I set statistics %s', split_part($2, '.', 1), s.stxname, s.stxstattarget)
    from old join pg_statistic_ext s on s.stxrelid = old.oid
    where s.stxstattarget >= 0
    union all
    -- foreign keys to other tables: made here they are checked here, and ATTACH takes them over without a scan
    select 7, k.conname, format('alter table %s add constraint %I %s', $2, k.conname, pg_get_constraintdef(k.oid))
    from old join pg_constraint k on k.conrelid = old.oid and k.contype = 'f'
    where k.confrelid <> all ($3::text[]::regclass[])
      -- a key to a partitioned table has a row more for each of its partitions
      and not exists (select from pg_constraint whole where whole.oid = k.conparentid and whole.conrelid = k.conrelid)
    union all
    -- row security
    select 8, '', format('alter table %s enable row level security', $2) from old where relrowsecurity
    union all
    select 8, '', format('alter table %s force row level security', $2) from old where relforcerowsecurity
    union all
    select 9, p.policyname, format('create policy %I on %s as %s for %s to %s%s%s', p.policyname, $2, p.permissive, p.cmd,
               (select string_agg(case when r = 'public' then 'public' else quote_ident(r) end, ', ') from unnest(p.roles) r),
               ' using (' || p.qual || ')', ' with check (' || p.with_check || ')')
    from old join pg_policies p on p.schemaname = old.nspname and p.tablename = old.relname
    union all
    -- triggers of its own; the parent's come with ATTACH
    select 10, t.tgname, replace(pg_get_triggerdef(t.oid), format(' ON %s ', $1), format(' ON %s ', $2))
    from old join pg_trigger t on t.tgrelid = old.oid
    where not t.tgisinternal and t.tgparentid = 0
    union all
    select 11, t.tgname, format('alter table %s %s trigger %I', $2,
               case t.tgenabled when 'D' then 'disable' when 'R' then 'enable replica' else 'enable always' end, t.tgname)
    from old join pg_trigger t on t.tgrelid = old.oid
    where not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'O'
    union all
    select 12, '', format('alter table %s replica identity %s', $2, case relreplident when 'f' then 'full' else 'nothing' end)
    from old where relreplident in ('f', 'n')
    union all
    -- publications that name the partition; the parent's cover it by themselves
    select 13, p.pubname, format('alter publication %I add table only %s%s%s', p.pubname, $2,
               case when to_jsonb(r) ->> 'prattrs' is not null then
                   (select ' (' || string_agg(quote_ident(x), ', ') || ')' from jsonb_array_elements_text(to_jsonb(t) -> 'attnames') x) end,
               ' where (' || (to_jsonb(t) ->> 'rowfilter') || ')')
    from old
    join pg_publication_rel r on r.prrelid = old.oid
    join pg_publication p on p.oid = r.prpubid
    join pg_publication_tables t on t.pubname = p.pubname and t.schemaname = old.nspname and t.tablename = old.relname
    union all
    -- grants: none but the old ones, whatever the schema's defaults are
    select 14, '', format('revoke all on table %s from %s', $2, string_agg(distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, ', '))
    from new cross join aclexplode(new.relacl) a
    having count(*) > 0
    union all
    select 15, '', format('grant %s on table %s to %s%s', a.privilege_type, $2,
               case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' end)
    from old cross join new cross join aclexplode(coalesce(old.relacl, acldefault('r', old.relowner))) a
    where old.relacl is not null or new.relacl is not null
    union all
    select 16, c.attname, format('grant %s (%I) on table %s to %s%s', a.privilege_type, c.attname, $2,
               case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' end)
    from old join pg_attribute c on c.attrelid = old.oid and c.attacl is not null cross join aclexplode(c.attacl) a
    union all
    select 17, l.provider, format('security label for %I on %s %s is %L', l.provider, case l.objsubid when 0 then 'table' else 'column' end,
               concat_ws('.', $2, (select quote_ident(a.attname) from pg_attribute a where a.attrelid = old.oid and a.attnum = l.objsubid)), l.label)
    from old join pg_seclabel l on l.objoid = old.oid and l.classoid = 'pg_class'::regclass
    union all
    select 18, '', format('alter table %s owner to %I', $2, pg_get_userbyid(old.relowner))
    from old cross join new where old.relowner <> new.relowner
)
select text, part between 14 and 18 from statement order by part, name
