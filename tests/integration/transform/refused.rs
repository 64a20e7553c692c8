//! What people add to core may refuse rows: it costs the document that it refuses, and is named.

use super::{RUN, RUN_2};
use crate::support::{Evo, Run, cluster, object};

/// One sale in core, and three more in staging, of which a constraint may like only one.
fn three_new_sales() -> Evo {
    let evo = Evo::new();
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale":1,"idBranch":1,"observations":"a"}"#]);
    evo.json(&["load", "sales"]);
    evo.json(&["transform", "sales"]);
    object("sales", RUN_2, "b").lines(
        &evo.lake(),
        &[
            r#"{"idSale":2,"idBranch":99,"observations":"forbidden","saleItens":[{"idSaleItem":20}]}"#,
            r#"{"idSale":3,"idBranch":1,"observations":"fine","saleItens":[{"idSaleItem":30}]}"#,
            r#"{"idSale":4,"idBranch":99,"observations":"forbidden"}"#,
        ],
    );
    evo.json(&["load", "sales"]);
    evo
}

fn says_no_value(run: Run) -> Run {
    assert!(!run.stderr.contains("forbidden") && !run.stdout.contains("forbidden"), "{run:?}");
    run
}

/// What makes some rows impossible, what evo says, which sales get in, and what removes the obstacle.
const REFUSALS: [(&str, &str, &str, &str); 6] = [
    (
        "alter table core.evo_sales add constraint nn check (observations is distinct from 'forbidden')",
        "violates check constraint \"nn\": 2 documents: 2, 4",
        "1 3",
        "alter table core.evo_sales drop constraint nn",
    ),
    (
        "create table public.d (b bigint primary key); insert into public.d values (1);
         alter table core.evo_sales add constraint to_d foreign key (branch_id) references public.d deferrable initially deferred",
        "violates foreign key constraint \"to_d\": 2 documents: 2, 4",
        "1 3",
        "alter table core.evo_sales drop constraint to_d",
    ),
    (
        "create unique index one_token on core.evo_sales_all (observations)",
        "violates unique constraint \"one_token\": 1 document: 4",
        "1 2 3",
        "drop index core.one_token",
    ),
    (
        "create domain public.branch as bigint check (value < 50);
         alter table core.evo_sales alter column branch_id type public.branch",
        "violates check constraint \"branch_check\": 2 documents: 2, 4",
        "1 3",
        "alter table core.evo_sales alter column branch_id type bigint",
    ),
    (
        "create function public.\"No, you\"() returns trigger language plpgsql as $$ begin
             if new.branch_id = 99 then raise exception 'not %', new.observations using errcode = '22023'; end if; return new; end $$;
         create trigger \"before.all\" before insert on core.evo_sales for each row execute function public.\"No, you\"()",
        "\"No, you\"() raised an error: 2 documents: 2, 4",
        "1 3",
        "drop trigger \"before.all\" on core.evo_sales",
    ),
    (
        "create function public.many() returns trigger language plpgsql as $$ begin
             if exists (select from added where branch_id = 99) then raise exception 'not %', (select max(observations) from added); end if; return null; end $$;
         create trigger many after insert on core.evo_sales referencing new table as added for each statement execute function public.many()",
        "many() raised an error: 2 documents: 2, 4",
        "1 3",
        "drop trigger many on core.evo_sales",
    ),
];

#[test]
fn a_document_that_the_warehouse_refuses_costs_itself_and_goes_in_when_nothing_refuses_it_any_more() {
    for (refuse, says, in_core, allow) in REFUSALS {
        let evo = three_new_sales();
        evo.db.sql(refuse);
        let sales = "select string_agg(sale_id::text, ' ' order by sale_id) from core.evo_sales";
        for mode in [&["transform", "sales"][..], &["transform", "sales", "--in-place"], &["transform", "sales"]] {
            let run = says_no_value(evo.run(mode)).exits(6).says(says).says("core.evo_sales");
            assert_eq!(evo.db.one(sales), in_core, "{refuse}: {run:?}");
            // A refused document changes nothing anywhere; one that is not is whole.
            assert_eq!(
                evo.db.one("select count(*) from core.evo_sale_items i left join core.evo_sales s using (sale_id) where s.sale_id is null"),
                "0"
            );
            assert_eq!(evo.db.one("select count(*) from core.evo_sale_items where sale_id = 3"), "1");
        }
        let filed = evo.db.sql("select distinct key_text, raw_value, source_line from evo.issues order by 1");
        let expected = if in_core == "1 3" { vec![["2", "", "1"], ["4", "", "3"]] } else { vec![["4", "", "3"]] };
        assert_eq!(filed, expected, "{refuse}");
        let whole = says_no_value(evo.run(&["transform", "sales", "--full-refresh"]));
        assert!(whole.code == 6 || whole.code == 0, "{refuse}: {whole:?}");
        if whole.code == 6 {
            let run = whole.says("core.evo_sales");
            if !cluster::is_cluster() {
                run.says("documents: 2, 4");
            }
            assert_eq!(evo.db.one(sales), in_core, "{refuse}: the old generation serves");
        }
        evo.db.sql(allow);
        evo.json(&["transform", "sales"]);
        assert_eq!(evo.db.one(sales), "1 2 3 4", "{refuse}");
        assert_eq!(evo.db.one("select count(*) from evo.issues"), "0", "{refuse}");
        assert_eq!(evo.entity(&["transform", "sales"])["batches"], 0);
    }
}

#[test]
fn what_refuses_everything_stops_its_entity_by_name_and_the_others_go_on() {
    let evo = three_new_sales();
    object("prospects", RUN, "a").lines(&evo.lake(), &[r#"{"idProspect": 1}"#]);
    evo.json(&["load", "prospects"]);
    evo.db.sql(
        "create function public.closed() returns trigger language plpgsql as $$ begin raise exception 'closed on %', now(); end $$;
         create trigger closed before insert or update on core.evo_sales for each statement execute function public.closed()",
    );
    evo.run(&["transform", "sales", "prospects"]).exits(6).says("closed() raised an error: 3 documents: 2, 3, 4");
    assert_eq!(evo.db.one("select count(*) from core.evo_prospects"), "1");
}

#[test]
fn rows_that_a_trigger_leaves_out_are_not_counted_as_written() {
    let evo = three_new_sales();
    evo.db.sql(
        "create function public.skip() returns trigger language plpgsql as $$ begin
             if new.sale_id = 4 then return null; end if; return new; end $$;
         create trigger skip before insert on core.evo_sales_all for each row execute function public.skip()",
    );
    let summary = evo.entity(&["transform", "sales"]);
    assert_eq!((&summary["tables"][0]["inserted"], &summary["tables"][0]["updated"]), (&2.into(), &0.into()));
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "3");
}

#[test]
fn an_event_trigger_that_refuses_is_named_with_its_tags_and_how_to_let_evo_pass() {
    let evo = Evo::new();
    object("entries", RUN, "a").lines(&evo.lake(), &[r#"{"date":"2024-03-18T06:12:45","idMember":1}"#]);
    object("sales", RUN, "a").lines(&evo.lake(), &[r#"{"idSale":1}"#]);
    evo.json(&["load", "sales"]);
    evo.db.sql(
        "create function public.no_ddl() returns event_trigger language plpgsql as $$ begin raise exception 'DDL only by change request'; end $$;
         create event trigger no_ddl on ddl_command_start when tag in ('CREATE TABLE','ALTER TABLE') execute function public.no_ddl()",
    );
    for command in [&["load", "entries"][..], &["transform", "sales", "--full-refresh"], &["transform", "sales"]] {
        evo.run(command)
            .exits(6)
            .says("no_ddl() is called by event trigger no_ddl on CREATE TABLE, ALTER TABLE")
            .says("if current_user = ");
    }
    evo.db.sql("drop event trigger no_ddl");
    evo.json(&["transform", "sales", "--full-refresh"]);
}

#[test]
fn core_tables_that_no_upsert_can_write_are_an_error_that_says_what_to_type() {
    if cluster::is_left_out("a job says before that the tables are not distributed alike") {
        return;
    }
    let evo = three_new_sales();
    for (make, code, says, undo) in [
        (
            "alter table core.evo_sales add column mine text not null default 'x'; alter table core.evo_sales alter column mine drop default",
            3,
            "the column mine of core.evo_sales is NOT NULL and has no default",
            "alter table core.evo_sales drop column mine",
        ),
        (
            "create rule quiet as on insert to core.evo_sales do instead nothing",
            3,
            "the rule quiet on core.evo_sales",
            "drop rule quiet on core.evo_sales",
        ),
        (
            "alter table core.evo_sales drop constraint evo_sales_pkey",
            3,
            "core.evo_sales has no unique index on its key (\"sale_id\")",
            "alter table core.evo_sales add primary key (sale_id)",
        ),
        (
            "alter table core.evo_sales rename column sale_id to id",
            3,
            "core.evo_sales has no column sale_id",
            "alter table core.evo_sales rename column id to sale_id",
        ),
    ] {
        evo.db.sql(make);
        evo.run(&["transform", "sales"]).exits(code).says(says).says("hint:");
        evo.db.sql(undo);
    }
    evo.json(&["transform", "sales"]);
}

#[test]
fn a_column_that_a_session_s_zone_would_fill_is_refused_with_what_to_type() {
    let evo = three_new_sales();
    for kind in ["timestamp", "date", "text", "varchar(40)"] {
        evo.db.sql(&format!("alter table core.evo_sales alter column sale_date type {kind}"));
        for mode in [&["--in-place"][..], &["--full-refresh"]] {
            evo.run(&[&["transform", "sales"], mode].concat())
                .exits(3)
                .says("the column sale_date of core.evo_sales")
                .says("type timestamptz; or let the model convert it");
        }
        evo.run(&["verify", "sales", "--deep"]).exits(3).says("sale_date");
        evo.db.sql("alter table core.evo_sales alter column sale_date type timestamptz using null");
    }
    evo.run(&["transform", "sales"]).exits(0);
}
