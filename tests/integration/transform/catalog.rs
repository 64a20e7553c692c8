//! A full refresh leaves the catalog as it found it.

use crate::support::Evo;

/// Everything about the relations of schema core that a user may have set, as text; not their data.
const CATALOG: &[&str] = &[
    "select c.relname, c.relkind, pg_get_userbyid(c.relowner), case when c.relkind in ('r', 'p') then coalesce(c.relacl, acldefault('r', c.relowner)) end::text, c.reloptions::text, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
            c.relpersistence, c.relhastriggers, (select spcname from pg_tablespace where oid = c.reltablespace), t.reloptions::text, obj_description(c.oid, 'pg_class'), pg_get_expr(c.relpartbound, c.oid)
     from pg_class c left join pg_class t on t.oid = c.reltoastrelid where c.relnamespace = 'core'::regnamespace order by 1",
    "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstattarget, (select array_agg(o) from unnest(a.attoptions) o where o not like 'pg_attver=%')::text, a.attstorage, a.attcompression, a.attacl::text,
            a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
     from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace = 'core'::regnamespace and not a.attisdropped and a.attnum > 0 order by 1, 2",
    "select k.conrelid::regclass, k.conname, k.contype, k.convalidated, k.conislocal, k.coninhcount, k.conparentid <> 0, pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')
     from pg_constraint k where k.connamespace in ('core'::regnamespace, 'public'::regnamespace) and (k.contype <> 'f' or k.conparentid = 0 or k.conrelid::regclass::text like 'core.%_all') order by 1, 2, 8",
    "select i.indrelid::regclass, i.indexrelid::regclass, pg_get_indexdef(i.indexrelid), i.indisclustered, i.indisreplident, i.indisvalid, h.inhparent::regclass, (select spcname from pg_class x join pg_tablespace s on s.oid = x.reltablespace where x.oid = i.indexrelid), obj_description(i.indexrelid, 'pg_class')
     from pg_index i join pg_class c on c.oid = i.indrelid left join pg_inherits h on h.inhrelid = i.indexrelid where c.relnamespace = 'core'::regnamespace order by 1, 2",
    "select t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgparentid <> 0, pg_get_triggerdef(t.oid) from pg_trigger t
     where not t.tgisinternal order by 1, 2",
    "select * from pg_policies order by 1, 2, 3",
    "select s.stxnamespace::regnamespace, s.stxname, s.stxstattarget, pg_get_statisticsobjdef(s.oid), obj_description(s.oid, 'pg_statistic_ext') from pg_statistic_ext s order by 2",
    "select r.prrelid::regclass, p.pubname, to_jsonb(r) ->> 'prattrs', t.* from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
     left join pg_publication_tables t on t.pubname = p.pubname and format('%I.%I', t.schemaname, t.tablename) = r.prrelid::regclass::text order by 1, 2",
    "select * from pg_publication_tables order by 1, 2, 3",
    "select c.oid::regclass, c.oid::text, c.relacl::text, c.reloptions::text, pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class') from pg_class c where c.relkind in ('v', 'm') and c.relnamespace = 'core'::regnamespace order by 1",
    "select c.relname, c.oid::text from pg_class c where c.relnamespace = 'core'::regnamespace and c.relkind in ('p', 'I') order by 1",
];

pub(super) fn catalog(evo: &Evo) -> Vec<Vec<Vec<String>>> {
    CATALOG.iter().map(|query| evo.db.sql(query)).collect()
}

/// What users do to core tables: all of it on the parents, most of it on a partition too.
const CUSTOM: &str = "
    do $$ begin create role bi_reader; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role bi_owner; exception when duplicate_object or unique_violation then null; end $$;
    create view core.v_sales as select s.sale_id, s.branch_id, count(*) as n from core.evo_sales s join core.evo_sale_items i using (sale_id) group by 1, 2;
    create view core.v_of_view with (security_barrier) as select sum(n) as n from core.v_sales;
    create view core.v_partition with (security_barrier = true) as select sale_id, observations from core.evo_sales_all;
    create view core.v_of_v_partition as select count(*) as n from core.v_partition;
    create materialized view core.m_sales as select branch_id, count(*) as n from core.evo_sales group by 1;
    comment on view core.v_partition is 'reads the partition itself';
    grant usage on schema core to bi_reader;
    grant select on core.evo_sales, core.v_sales, core.v_partition to bi_reader;
    grant select on core.evo_sales_all to bi_reader with grant option;
    grant update (observations) on core.evo_sales_all to bi_reader;
    grant select on core.evo_receivables_all to public;
    alter default privileges in schema evo_next grant delete on tables to bi_reader;
    comment on table core.evo_sales_all is 'a partition''s own';
    comment on column core.evo_sales.sale_date is 'kept';
    comment on column core.evo_sales_all.sale_date is 'kept on the partition';
    comment on index core.evo_sales_all_pkey is 'kept on the index';
    alter table core.evo_sales_all set (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_enabled = false);
    alter table core.evo_sales alter column branch_id set statistics 500;
    alter table core.evo_sales_all alter column member_id set statistics 321, alter column member_id set (n_distinct = -0.3);
    alter table core.evo_sales_all alter column observations set storage external;
    create statistics core.sales_parent (dependencies) on branch_id, sale_source from core.evo_sales;
    create statistics core.sales_part (ndistinct) on member_id, branch_id from core.evo_sales_all;
    alter statistics core.sales_part set statistics 77;
    comment on statistics core.sales_part is 'kept statistics';
    create index own_index on core.evo_sales_all (lower(observations)) with (fillfactor = 70) where removed;
    create index parent_index on core.evo_sales using hash (cart_token);
    create unique index own_unique on core.evo_sales_all (sale_id, branch_id) include (member_id);
    alter table core.evo_sales_all add constraint own_check check (sale_id > 0);
    alter table core.evo_sales_all add constraint own_deferred unique (sale_id, sale_source) deferrable initially deferred;
    alter table core.evo_sales_all cluster on own_unique;
    alter table core.evo_sale_items_all replica identity full;
    alter table core.evo_receivables_all replica identity using index evo_receivables_all_pkey;
    create function core.noted() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger on_parent after update on core.evo_sales for each row execute function core.noted();
    create trigger on_partition before insert or update of observations on core.evo_sales_all for each row when (new.removed) execute function core.noted();
    alter table core.evo_sales_all disable trigger on_partition;
    create trigger statement_trigger after insert on core.evo_sale_items for each statement execute function core.noted();
    alter table core.evo_sales enable row level security;
    create policy of_parent on core.evo_sales for select to bi_reader using (branch_id > 0);
    alter table core.evo_sales_all enable row level security;
    alter table core.evo_sales_all force row level security;
    alter table core.evo_sales_all no force row level security;
    create policy of_partition on core.evo_sales_all as restrictive for all to bi_reader, public using (sale_id > 0) with check (sale_id > 1);
    create publication of_parent for table core.evo_sales, core.evo_sale_items;
    create publication of_partition for table core.evo_receivables_all (sale_id, receivable_id) where (sale_id > 5);
    create table public.dim_branch (branch_id bigint primary key);
    insert into public.dim_branch select distinct branch_id from core.evo_sales where branch_id is not null;
    alter table core.evo_sales add constraint to_dim foreign key (branch_id) references public.dim_branch on delete set null;
    create table public.notes (sale_id bigint constraint notes_sale references core.evo_sales on update cascade, item_id bigint,
        constraint notes_item foreign key (sale_id, item_id) references core.evo_sale_items);
    insert into public.notes select sale_id, sale_item_id from core.evo_sale_items limit 20;
    comment on constraint notes_sale on public.notes is 'kept key';
    create table public.loose (sale_id bigint);
    insert into public.loose values (-5);
    alter table public.loose add constraint loose_sale foreign key (sale_id) references core.evo_sales not valid;
    create table public.parted (sale_id bigint references core.evo_sales) partition by hash (sale_id);
    create table public.parted_0 partition of public.parted for values with (modulus 1, remainder 0);
    insert into public.parted select sale_id from core.evo_sales limit 3;
    alter table core.evo_sale_items add constraint item_of_sale foreign key (sale_id) references core.evo_sales;
    alter table core.evo_receivables_all owner to bi_owner;
    alter table core.evo_sale_items_all set tablespace own_space;
    alter index core.own_index set tablespace own_space;
    alter index core.evo_receivables_all_pkey set tablespace own_space;
    alter table core.evo_sales_all add constraint own_exclusion exclude using btree (sale_id with =) using index tablespace own_space;
    create view core.v_entries as select device, count(*) as n from core.evo_entries_2025 group by 1;
    create index entries_own on core.evo_entries_2025 (device);
    grant select on core.evo_entries_2025 to bi_reader";

/// A tablespace belongs to the server, and so to all tests on it.
fn own_space(evo: &Evo) {
    let session = crate::support::Session::open(&evo.db.url);
    session.run("set allow_in_place_tablespaces = on");
    if session.run("select 1 from pg_tablespace where spcname = 'own_space'").is_empty() {
        session.run("create tablespace own_space location ''");
    }
}

#[test]
fn fault_26_views_grants_keys_policies_and_all_else_are_unchanged_by_a_full_refresh() {
    let evo = Evo::new();
    evo.run(&["generate", "sales", "--records", "400"]).exits(0);
    crate::support::object("entries", super::RUN, "a").lines(
        &evo.lake(),
        &[r#"{"date": "2025-03-01T10:00:00", "device": "a"}"#, r#"{"date": "2024-03-01T10:00:00", "device": "b"}"#],
    );
    evo.json(&["load", "sales", "entries"]);
    evo.json(&["transform", "sales", "entries"]);
    // A publication of some columns and rows: PostgreSQL 15 and newer.
    let has_filters = evo.db.one("select current_setting('server_version_num')::int >= 150000") == "t";
    let filter = " (sale_id, receivable_id) where (sale_id > 5)";
    own_space(&evo);
    evo.db.sql(&CUSTOM.replace(filter, if has_filters { filter } else { "" }));
    let before = catalog(&evo);
    assert!(before.iter().all(|part| !part.is_empty()));
    let data = super::core(&evo.db);
    let nodes = "select relname, pg_relation_filenode(oid)::text from pg_class where relnamespace = 'core'::regnamespace and relkind = 'r' order by 1";
    let files = evo.db.sql(nodes);
    for mode in [
        &["transform", "sales", "--full-refresh"][..],
        &["transform", "entries", "--full-refresh"],
        &["transform", "entries", "--full-refresh", "--year", "2025"],
    ] {
        evo.json(mode);
        for (query, (was, is)) in CATALOG.iter().zip(before.iter().zip(catalog(&evo))) {
            let lost: Vec<_> = was.iter().filter(|row| !is.contains(row)).collect();
            let new: Vec<_> = is.iter().filter(|row| !was.contains(row)).collect();
            assert!(lost.is_empty() && new.is_empty(), "{mode:?}\n{query}\nlost: {lost:#?}\nnew: {new:#?}");
        }
    }
    assert_eq!(super::core(&evo.db), data);
    let moved = evo.db.sql(nodes).iter().zip(&files).filter(|(a, b)| a != b).count();
    assert!(moved >= 5, "nothing was rebuilt");
    // Not only there, but in force: views of a partition read the new generation, keys are enforced.
    evo.db.sql(
        "update core.evo_sales set observations = 'seen' where sale_id = (select min(sale_id) from core.evo_sales)",
    );
    assert_eq!(evo.db.one("select count(*) from core.v_partition where observations = 'seen'"), "1");
    assert_eq!(evo.db.one("select n from core.v_of_v_partition"), "400");
    assert_eq!(evo.db.one("select sum(n) from core.v_entries"), "1");
    for violation in [
        "delete from core.evo_sales where sale_id in (select sale_id from public.notes)",
        "insert into public.notes values (-77)",
        "insert into core.evo_sale_items (sale_id, sale_item_id) values (-77, 1)",
        "update core.evo_sales set branch_id = -77",
    ] {
        assert!(crate::support::try_sql(&evo.db.url, violation).is_err(), "{violation}");
    }
    evo.db.sql("drop owned by bi_owner; drop owned by bi_reader");
}

#[test]
fn a_reference_to_a_partition_that_cannot_follow_is_an_error_before_anything_is_built() {
    let evo = Evo::new();
    evo.run(&["generate", "prospects", "--records", "20"]).exits(0);
    evo.json(&["load", "prospects"]);
    evo.json(&["transform", "prospects"]);
    for (make, remove, says) in [
        (
            "create materialized view core.m as select * from core.evo_prospects_all",
            "drop materialized view core.m",
            "materialized view core.m",
        ),
        ("create table public.p (id bigint references core.evo_prospects_all)", "drop table public.p", "foreign key"),
        (
            "create function public.f() returns bigint begin atomic select count(*) from core.evo_prospects_all; end",
            "drop function public.f",
            "function public.f()",
        ),
    ] {
        evo.db.sql(make);
        evo.run(&["transform", "prospects", "--full-refresh"]).exits(3).says(says).says("core.evo_prospects");
        evo.json(&["transform", "prospects"]);
        evo.db.sql(remove);
    }
    evo.json(&["transform", "prospects", "--full-refresh"]);
}

#[test]
fn a_generation_without_rows_that_others_reference_is_not_swapped_in() {
    let evo = Evo::new();
    evo.run(&["generate", "prospects", "--records", "20"]).exits(0);
    evo.json(&["load", "prospects"]);
    evo.json(&["transform", "prospects"]);
    evo.db.sql(
        "create table public.calls (prospect_id bigint references core.evo_prospects);
         insert into public.calls select max(prospect_id) from core.evo_prospects;
         delete from stg_evo.prospects_raw where prospect_id = (select prospect_id from public.calls)",
    );
    evo.run(&["transform", "prospects", "--full-refresh"])
        .exits(6)
        .says("public.calls references rows that the new generation does not have");
    assert_eq!(evo.db.one("select count(*) from core.evo_prospects join public.calls using (prospect_id)"), "1");
    evo.db.sql("delete from public.calls");
    evo.json(&["transform", "prospects", "--full-refresh"]);
}
