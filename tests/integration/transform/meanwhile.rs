//! What people do to core while a full refresh builds the next generation.

use std::process::{Child, Stdio};

use super::{catalog::catalog, sales};
use crate::support::{Evo, Run};

const LEFT: &str = "select count(*) from pg_class where relkind = 'r' and relnamespace in ('evo_next'::regnamespace, 'evo_old'::regnamespace)";

/// A full refresh that rests before its swap, with everything built.
fn refresh_at_rest(evo: &Evo) -> Child {
    let mut command = evo.command(&["transform", "sales", "--full-refresh"]);
    command.env("EVO_FAILPOINTS", "transform.after_index=sleep(2500)").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    evo.db.wait_for("select count(*) from pg_constraint where conname = 'evo_partition_bound'", "3");
    evo.db.wait_for("select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and application_name like 'evo:%'", "0");
    child
}

fn ended(child: Child) -> Run {
    Run::from(child.wait_with_output().unwrap())
}

#[test]
fn what_is_added_while_a_generation_is_built_is_there_after_the_swap() {
    let evo = sales("200");
    evo.db.sql(
        "do $$ begin create role bi_late; exception when duplicate_object or unique_violation then null; end $$;
         create table public.dim_late (branch_id bigint primary key);
         insert into public.dim_late select distinct branch_id from core.evo_sales where branch_id is not null;
         create function public.noted_late() returns trigger language plpgsql as $$ begin return new; end $$;
         grant select on core.evo_sales_all to bi_late",
    );
    let refresh = refresh_at_rest(&evo);
    evo.db.sql(
        "create index late_part on core.evo_sales_all (lower(observations));
         create index late_parent on core.evo_sales (cart_token);
         create trigger late_part before update on core.evo_sales_all for each row execute function public.noted_late();
         create trigger late_parent after update on core.evo_sales for each row execute function public.noted_late();
         comment on table core.evo_sales_all is 'late';
         comment on index core.evo_sales_all_pkey is 'late key';
         grant update on core.evo_sales_all to bi_late;
         grant update (item) on core.evo_sale_items_all to bi_late;
         create statistics core.late_statistics (ndistinct) on member_id, branch_id from core.evo_sales_all;
         create publication late for table core.evo_receivables_all;
         create policy late on core.evo_sales_all using (true);
         alter table core.evo_sales_all alter column member_id set statistics 77;
         alter table core.evo_sales_all add constraint late_key foreign key (branch_id) references public.dim_late;
         create table public.late_notes (sale_id bigint references core.evo_sales);
         insert into public.late_notes select min(sale_id) from core.evo_sales;
         create view core.late_view as select sale_id from core.evo_sales_all;
         create view core.late_next as select sale_id from evo_next.evo_sale_items_all",
    );
    let before = catalog(&evo);
    let run = ended(refresh).exits(0);
    assert!(run.stderr.contains("got something new meanwhile"), "{}", run.stderr);
    let after = catalog(&evo);
    for (was, is) in before.iter().zip(&after) {
        let lost: Vec<_> =
            was.iter().filter(|row| !is.contains(row) && !row.iter().any(|cell| cell.contains("evo_next"))).collect();
        assert!(lost.is_empty(), "lost: {lost:#?}");
    }
    // They are the new generation's, and the next refresh has no trouble with them.
    assert_eq!(evo.db.one("select count(*) from core.late_view"), "200");
    assert_eq!(evo.db.one(LEFT), "0");
    for mode in
        [&["transform", "sales", "--full-refresh"][..], &["check", "sales"], &["transform", "sales", "--full-refresh"]]
    {
        evo.run(mode).exits(0);
    }
    for (was, is) in after.iter().zip(catalog(&evo)) {
        let lost: Vec<_> = was.iter().filter(|row| !is.contains(row)).collect();
        assert!(lost.is_empty() && was.len() == is.len(), "lost: {lost:#?}");
    }
    evo.db.sql("drop owned by bi_late");
}

#[test]
fn a_column_or_check_that_comes_meanwhile_makes_the_refresh_begin_again() {
    for change in [
        "alter table core.evo_sales add column late text default 'x'",
        "alter table core.evo_sales_all add constraint late check (sale_id > 0)",
        "alter table core.evo_sales_all set (fillfactor = 77)",
        "drop index core.idx_core_receivables_due",
    ] {
        let evo = sales("50");
        let refresh = refresh_at_rest(&evo);
        evo.db.sql(change);
        let before = catalog(&evo);
        ended(refresh).exits(0).says("was changed while its next generation was built");
        let lost: Vec<_> = before
            .iter()
            .zip(catalog(&evo))
            .filter(|(was, is)| was.iter().any(|row| !row.iter().any(|c| c.contains("evo_next")) && !is.contains(row)))
            .collect();
        assert!(lost.is_empty(), "{change}: {lost:#?}");
        assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "50");
        assert_eq!(evo.db.one(LEFT), "0");
    }
}

#[test]
fn what_cannot_follow_a_partition_and_comes_meanwhile_is_named_and_blocks_no_later_refresh() {
    for (make, drop, says) in [
        (
            "create materialized view core.late as select * from core.evo_sales_all",
            "drop materialized view core.late",
            "materialized view core.late",
        ),
        (
            "create function public.late() returns setof core.evo_sales_all language sql as 'select * from core.evo_sales_all'",
            "drop function public.late()",
            "function public.late()",
        ),
        ("create table public.late (s core.evo_sales_all)", "drop table public.late", "column s of table public.late"),
        (
            "create rule late as on delete to core.evo_sales_all do also select 1",
            "drop rule late on core.evo_sales_all",
            "rule late on table core.evo_sales_all",
        ),
    ] {
        let evo = sales("50");
        let refresh = refresh_at_rest(&evo);
        evo.db.sql(make);
        let run = ended(refresh).exits(3).says(says).says("core.evo_sales");
        assert!(!run.stderr.to_lowercase().contains("cascade"), "{}", run.stderr);
        assert_eq!(evo.db.one(LEFT), "0", "{says}");
        // The same before anything is built, and increments go on.
        evo.run(&["transform", "sales", "--full-refresh"]).exits(3).says(says);
        evo.run(&["transform", "sales"]).exits(0);
        evo.db.sql(drop);
        evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    }
}

#[test]
fn a_view_of_an_unfinished_generation_keeps_its_table_and_no_refresh_from_running() {
    let evo = sales("50");
    let mut refresh = refresh_at_rest(&evo);
    evo.db.sql(
        "create view public.curious as select count(*) as n from evo_next.evo_sales_all;
         create statistics evo_next.curious_too (ndistinct) on member_id, branch_id from evo_next.evo_sales_all",
    );
    refresh.kill().unwrap();
    refresh.wait().unwrap();
    for _ in 0..2 {
        let run =
            evo.run(&["transform", "sales", "--full-refresh"]).exits(0).says("view public.curious depends on table");
        assert!(!run.stderr.to_lowercase().contains("cascade"), "{}", run.stderr);
        assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "50");
        assert_eq!(evo.db.one(LEFT), "1");
    }
    assert_eq!(evo.db.one("select n from public.curious"), "0", "it is emptied");
    evo.db.sql("drop view public.curious");
    evo.run(&["transform", "sales", "--full-refresh"]).exits(0);
    assert_eq!(evo.db.one(LEFT), "0");
}
