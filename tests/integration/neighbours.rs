//! Other people's tables in the same database and the same schemas.

use crate::support::{Database, Evo};

const THEIRS: &str = "
    create schema core; create schema stg_evo;
    create table core.orders (id int primary key, note text);
    create index orders_note_idx on core.orders (note);
    create view core.order_notes as select note from core.orders;
    create table core.evo (id int); create sequence core.numbers;
    create table stg_evo.orders_raw (id int, raw_data json);
    create table public.members (id int references core.orders);
    create function core.hello() returns int language sql return 1;
    insert into core.orders values (1, 'a'), (2, 'b'); insert into public.members values (1);";

/// Everything about what others have: columns, indexes, contents, the last time that it was written.
fn theirs(db: &Database) -> Vec<Vec<String>> {
    db.sql(
        "select c.oid, c.relfilenode, c.relname, c.relkind, c.relacl, c.reloptions, array_agg(a.attname order by a.attnum)
         from pg_class c left join pg_attribute a on a.attrelid = c.oid
         where c.relname in ('orders', 'orders_note_idx', 'order_notes', 'evo', 'numbers', 'orders_raw', 'members')
         group by c.oid order by c.oid",
    )
    .into_iter()
    .chain(db.sql("select 'rows', xmin, id, note from core.orders order by id"))
    .collect()
}

#[test]
fn other_peoples_tables_are_no_obstacle_and_stay_as_they_are() {
    let evo = Evo::with(Database::bare());
    evo.db.sql(THEIRS);
    let before = theirs(&evo.db);
    evo.run(&["migrate", "--dry-run"]).exits(0);
    evo.run(&["migrate"]).exits(0);
    evo.run(&["generate", "members", "sales", "--records", "60"]).exits(0);
    evo.run(&["load", "all"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    evo.run(&["transform", "members", "--full-refresh"]).exits(0);
    evo.run(&["verify", "sales", "--deep"]).exits(0);
    evo.run(&["check", "all"]).exits(0);
    evo.run(&["status"]).exits(0);
    evo.run(&["optimize-storage", "--vacuum", "--reindex"]).exits(0);
    assert_eq!(theirs(&evo.db), before);
    // A later migration.
    let toy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");
    evo.run(&["migrate", "--extend", toy]).exits(0);
    assert_eq!(theirs(&evo.db), before);
}

#[test]
fn a_name_that_evo_needs_is_named_with_what_to_type() {
    let evo = Evo::with(Database::bare());
    evo.db.sql(
        "create schema core; create view core.evo_sales as select 1 as x; create table core.evo_branches (id int)",
    );
    let run =
        evo.run(&["migrate"]).exits(3).says("the name core.evo_branches is taken by a table that evo did not create");
    let run = run.says("taken: core.evo_branches, core.evo_sales");
    assert!(!run.stderr.contains("alter schema"), "{}", run.stderr);
    evo.db.sql("alter table core.evo_branches rename to evo_branches_before_evo");
    evo.run(&["migrate"]).exits(3).says("alter view core.evo_sales rename to evo_sales_before_evo");
    evo.db.sql("alter view core.evo_sales rename to evo_sales_before_evo");
    evo.run(&["migrate"]).exits(0);
    // Later, by a migration of one's own.
    let toy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");
    evo.db.sql("create table core.visits (id int)");
    evo.run(&["migrate", "--extend", toy]).exits(3).says("the name core.visits is taken by a table");
    evo.db.sql("drop table core.visits");
    evo.run(&["migrate", "--extend", toy]).exits(0);
    evo.run(&["migrate", "--extend", toy]).exits(0).says("up to date");
}
