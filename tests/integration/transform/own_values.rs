//! Columns of an entity of one's own, of types that the server would fill with less than the model gives.

use super::{RUN, RUN_2};
use crate::support::{Evo, object, write};

/// An entity whose columns hold less than the casts of their model give.
fn things() -> Evo {
    let evo = Evo::new();
    let write = |path: &str, text: &str| write(&evo.dir.path().join("own"), path, text.as_bytes());
    write(
        "migrations/0001_things.up.sql",
        "create table stg_evo.things_raw (like stg_evo.prospects_raw including all);
         alter table stg_evo.things_raw rename column prospect_id to thing_id;
         create domain public.clock as time;
         create table core.things (
             thing_id bigint primary key, at_time time, at_clock public.clock, at_day date, at_second timestamp(0),
             code \"char\", label varchar(3), ratio double precision, share real, whole bigint, spare time,
             must integer not null default 0) partition by range (thing_id);
         create table core.things_all partition of core.things for values from (minvalue) to (maxvalue)",
    );
    write(
        "models/things/entity.toml",
        "name = 'things'\nbronze_prefix = 'bronze/evo/entity=things'\nzone = 'UTC'\nmodels = ['things']\n\
         [staging]\ntable = 'stg_evo.things_raw'\nkey_column = 'thing_id'\n[key]\nfield = 'id'\n",
    );
    write(
        "models/things/things.sql",
        "-- grain: one row per thing\n-- source: stg_evo.things_raw\n-- parent key: thing_id\n-- key: thing_id\n\
         select\n    s.thing_id,\n    evo.as_local(d.at) as at_time,\n    evo.as_local(d.at) as at_clock,\n    \
         evo.as_local(d.at) as at_day,\n    evo.as_local(d.at) as at_second,\n    d.code as code,\n    \
         d.label as label,\n    evo.as_bigint(d.n) as ratio,\n    evo.as_decimal(d.amount) as share,\n    \
         evo.as_decimal(d.amount) as whole,\n    evo.as_local(d.at)::time as spare,\n    \
         evo.as_decimal(d.must) as must\n\
         from {source} s\ncross join lateral jsonb_to_record(s.raw_data) as d (\n    \
         at text, code text, label text, n text, amount text, must text)",
    );
    evo.run(&["migrate", "--extend", "own"]).exits(0);
    evo
}

#[test]
fn what_a_column_would_drop_round_or_cut_is_null_and_an_issue_and_a_document_where_it_may_not_be_null() {
    let evo = things();
    let own = |args: &[&str]| evo.run(&[args, &["--extend", "own"]].concat());
    object("things", RUN, "a").lines(
        &evo.lake(),
        &[
            r#"{"id": 1, "at": "2024-03-18T06:12:45.5", "code": "ab", "label": "abcd", "n": 9007199254740993,
                "amount": 16777217.25, "must": 2}"#
                .replace('\n', " ")
                .as_str(),
            r#"{"id": 2, "at": "2024-03-18T00:00:00", "code": "a", "label": "abc", "n": 7, "amount": 10, "must": 3}"#,
        ],
    );
    own(&["load", "things"]).exits(0);
    let rows = "select * from core.things order by thing_id";
    let expected = [
        ["1", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "06:12:45.5", "2"],
        ["2", "∅", "∅", "2024-03-18", "2024-03-18 00:00:00", "a", "abc", "7", "10", "10", "00:00:00", "3"],
    ];
    let issues =
        "select key_text, string_agg(column_name, ' ' order by column_name) from evo.issues group by 1 order by 1";
    let named = [["1", "at_clock at_day at_second at_time code label ratio share whole"], ["2", "at_clock at_time"]];
    for mode in [
        &["transform", "things"][..],
        &["transform", "things", "--full-refresh"],
        &["transform", "things", "--in-place"],
    ] {
        own(mode).exits(0);
        assert_eq!(evo.db.sql(rows), expected, "{mode:?}");
        assert_eq!(evo.db.sql(issues), named, "{mode:?}");
        own(&["verify", "things", "--deep"]).exits(0);
    }
    // A column that may not be null takes no rounded number either.
    object("things", RUN_2, "a").lines(&evo.lake(), &[r#"{"id": 3, "must": 2.5}"#, r#"{"id": 4, "must": 2.0}"#]);
    own(&["load", "things"]).exits(0);
    own(&["transform", "things", "--incremental"]).exits(6).says("core.things").says("must");
    assert_eq!(evo.db.sql("select thing_id, must from core.things where thing_id > 2"), [["4", "2"]]);
}

#[test]
fn a_domain_over_a_time_with_a_zone_is_no_way_around_the_zone() {
    let evo = things();
    evo.db.sql(
        "create domain public.instant as timestamptz;
         alter table core.things alter column at_second type public.instant",
    );
    object("things", RUN, "a").lines(&evo.lake(), &[r#"{"id": 1, "at": "2024-03-18T06:12:45"}"#]);
    evo.run(&["load", "things", "--extend", "own"]).exits(0);
    evo.run(&["transform", "things", "--extend", "own"]).exits(3).says("the zone of a session would decide");
}
