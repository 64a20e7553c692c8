//! What Citus refuses of distributed tables, as far as a server without it can tell: it takes only immutable functions in
//! the action of an upsert, and the names of indexes must leave room for what it adds. `tests/sql.rs` has the forms.

use std::collections::BTreeSet;
use std::path::Path;

use crate::statements::{SQL, filled, make_temporary_tables, names, read, types};
use crate::support::{Database, Session};

/// The bytes that a name of an index may have: 63, less those of a shard (`_12345678`) and of a rebuild (`_ccnew`).
const LONGEST_INDEX: usize = 48;

/// Ids of the functions in the action of an upsert, as the server has understood it. Panics at what calls functions
/// without naming them.
fn functions_of_action(name: &str, tree: &str) -> BTreeSet<String> {
    let (_, rest) = tree.split_once(":onConflictSet").unwrap_or_else(|| panic!("{name} has no upsert: {tree}"));
    let (action, _) = rest.split_once(":exclRelIndex").unwrap();
    for unnamed in ["COERCEVIAIO", "SQLVALUEFUNCTION", "NEXTVALUEEXPR", "SUBLINK"] {
        assert!(!action.contains(unnamed), "{name}: {unnamed} in {action}");
    }
    let ids = action.split("funcid ").skip(1).map(|rest| rest.split([' ', '}']).next().unwrap().to_owned());
    ids.filter(|id| id != "0").collect()
}

#[test]
fn upserts_into_distributed_tables_call_immutable_functions_only() {
    let db = Database::migrated();
    let session = Session::open(&db.url);
    make_temporary_tables(&session);
    let understood = |name: &str, text: &str, types: &str| {
        let function = format!("create or replace function pg_temp.evo_statement({types}) returns void");
        session.run(&format!("{function} begin atomic {text}; end"));
        let body = "select prosqlbody::text from pg_proc where proname = 'evo_statement'";
        let tree = session.run(body)[0][0].clone();
        session.run("drop function pg_temp.evo_statement");
        functions_of_action(name, &tree)
    };
    let wrong = |functions: &BTreeSet<String>| -> Vec<String> {
        let ids = functions.iter().cloned().collect::<Vec<_>>().join(", ");
        let sql = format!("select oid::regprocedure from pg_proc where oid in ({ids}) and provolatile <> 'i'");
        if ids.is_empty() { Vec::new() } else { session.run(&sql).into_iter().map(|row| row[0].clone()).collect() }
    };
    let is_upsert = |name: &String| {
        let text = read(name);
        text.contains("insert into {") && text.contains("do update")
    };
    let upserts: Vec<String> = names(Path::new(SQL)).into_iter().filter(is_upsert).collect();
    assert_eq!(upserts, ["load/later_lines", "load/upsert", "transform/dimension_apply"]);
    for name in &upserts {
        let functions = understood(name, filled(name).trim().trim_end_matches(';'), &types(name).join(", "));
        assert_eq!(wrong(&functions), [""; 0], "{name}");
    }
    // What the server would say of a time that moves on by itself.
    let text = "insert into core.evo_branches as t (branch_id) values (1) on conflict (branch_id) do update \
                set _updated_at = t._updated_at + interval '1 s' where t._updated_at < now()";
    let found = wrong(&understood("a stable one", text, ""));
    assert_eq!(found, ["timestamptz_pl_interval(timestamp with time zone,interval)", "now()"]);
    // An increment sets this column to what the insert proposes: it has to be the time.
    let of_tables = "select c.oid::regclass from pg_class c join pg_attribute a on a.attrelid = c.oid \
                     where c.relnamespace = 'core'::regnamespace and c.relkind = 'p' and a.attname = '_updated_at'";
    let tables = session.run(of_tables);
    assert!(tables.len() > 5, "{tables:?}");
    for table in &tables {
        let shape = session.run(&filled("transform/shape").replace("$1", &format!("'{}'", table[0])));
        let time = shape.iter().find(|column| column[0] == "_updated_at").unwrap();
        assert_eq!(time[5], "t", "{table:?}");
    }
}

#[test]
fn names_of_indexes_leave_room_for_a_shard_and_a_rebuild() {
    let db = Database::migrated();
    db.sql(
        "select evo.ensure_year_partition(t, 'entry_date', 2026, 'UTC') \
            from unnest(array['core.evo_entries', 'stg_evo.entries_raw']) t",
    );
    let indexes = db.sql(
        "select relname from pg_class where relkind in ('i', 'I') \
                          and relnamespace in ('core'::regnamespace, 'stg_evo'::regnamespace)",
    );
    assert!(indexes.len() > 50, "{indexes:?}");
    let long: Vec<&String> = indexes.iter().map(|row| &row[0]).filter(|name| name.len() > LONGEST_INDEX).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn an_option_that_a_server_keeps_in_every_column_is_not_given_to_a_new_generation() {
    let db = Database::migrated();
    let session = Session::open(&db.url);
    session.run(
        "alter table core.evo_sales_all alter column member_id set (n_distinct = -0.5);
         update pg_attribute set attoptions = attoptions || array['pg_attver=1']
         where attrelid = 'core.evo_sales_all'::regclass and attname = 'member_id';
         update pg_attribute set attoptions = array['pg_attver=1']
         where attrelid = 'core.evo_sales_all'::regclass and attname = 'sale_date'",
    );
    let keep = filled("transform/generation/keep")
        .replace("$1", "'core.evo_sales_all'")
        .replace("$2", "'core.evo_sale_items_all'")
        .replace("$3", "'{core.evo_sales}'")
        .replace("$4", "false");
    let options: Vec<String> =
        session.run(&keep).into_iter().map(|row| row[0].clone()).filter(|text| text.contains(" set (")).collect();
    assert_eq!(options, ["alter table core.evo_sale_items_all alter column member_id set (n_distinct=-0.5)"]);
}
