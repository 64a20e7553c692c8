//! An entity whose documents write dates in a format of their own.

use std::path::PathBuf;

use crate::support::{Database, Evo, counts, object};

/// An entity `visits` in the folder `own`, its staging table partitioned by a time of the document.
struct Own {
    evo: Evo,
}

impl Own {
    fn new(dates: &str) -> Self {
        let own = Self { evo: Evo::with(Database::bare()) };
        std::fs::create_dir_all(own.file("models/visits/x").parent().unwrap()).unwrap();
        std::fs::create_dir_all(own.file("migrations/x").parent().unwrap()).unwrap();
        std::fs::write(
            own.file("migrations/0001_visits.up.sql"),
            "create table stg_evo.visits_raw (like stg_evo.entries_raw including all) partition by range (entry_date);
             create table stg_evo.visits_raw_default partition of stg_evo.visits_raw default;
             create table core.visits (entry_id bigint, entry_date timestamptz, day date, at timestamptz,
                 primary key (entry_id, entry_date)) partition by range (entry_date);
             create table core.visits_default partition of core.visits default;",
        )
        .unwrap();
        std::fs::write(
            own.file("models/visits/visits.sql"),
            "-- grain: one row per visit\n-- source: stg_evo.visits_raw\n-- parent key: entry_id\n-- key: entry_id, entry_date
             select s.entry_id, s.entry_date, evo.as_date(coalesce(d.day, d.\"birthDay\")) as day,
                 evo.as_timestamptz(d.at, {zone}) as at
             from {source} s cross join lateral jsonb_to_record(s.raw_data) as d (day text, \"birthDay\" text, at text)",
        )
        .unwrap();
        own.declare(dates);
        own
    }

    fn file(&self, name: &str) -> PathBuf {
        self.evo.dir.path().join("own").join(name)
    }

    fn declare(&self, dates: &str) {
        let toml = format!(
            "name = 'visits'\nbronze_prefix = 'bronze/evo/entity=visits'\nzone = 'America/Sao_Paulo'\n{dates}\n\
             models = ['visits']\n[staging]\ntable = 'stg_evo.visits_raw'\nkey_column = 'entry_id'\n\
             [key]\ndigest = ['when', 'id']\n[partition]\ncolumn = 'entry_date'\nfield = 'when'\nby = 'year'\n"
        );
        std::fs::write(self.file("models/visits/entity.toml"), toml).unwrap();
    }

    fn run(&self, args: &[&str]) -> crate::support::Run {
        self.evo.run(&[args, &["--extend", "own"]].concat())
    }
}

const DOCUMENTS: [&str; 5] = [
    r#"{"id": 1, "when": "18/03/2024 06:12:45", "day": "18/03/2024", "at": "18/03/2024 06:12:45"}"#,
    r#"{"id": 2, "when": "2023-12-31T23:30:00", "day": "2023-12-31", "at": "20231231T233000Z"}"#,
    r#"{"id": 3, "when": "01/01/2023 00:00:00", "day": "31/02/2023", "at": "03/18/2024 00:00:00"}"#,
    r#"{"id": 4, "when": "31/12/2024 23:59:59", "birthDay": "05/04/1990", "at": ""}"#,
    r#"{"id": 5, "when": "31.12.2024", "day": "05/04/1990"}"#,
];

#[test]
fn own_formats_are_read_in_keys_and_models_beside_iso_and_what_is_in_none_is_an_issue() {
    let own = Own::new("dates = ['%d/%m/%Y', '%d/%m/%Y %H:%M:%S']");
    own.run(&["migrate"]).exits(0);
    object("visits", "20260110T020501Z", "a").lines(&own.evo.lake(), &DOCUMENTS);
    let load = own.run(&["load", "visits", "--max-rejects", "100%", "--output", "json"]).exits(0).json();
    assert_eq!(counts(&load["entities"][0]), "4/0/0/0/1 of 5");
    let rejected = own.evo.db.one("select reason from evo.rejects");
    assert_eq!(rejected, "the key field when is not a date and time");
    let expected = [
        ["2023-01-01 03:00:00", "∅", "∅"],
        ["2024-01-01 02:30:00", "2023-12-31", "2023-12-31 23:30:00"],
        ["2024-03-18 09:12:45", "2024-03-18", "2024-03-18 09:12:45"],
        ["2025-01-01 02:59:59", "1990-04-05", "∅"],
    ];
    let issues = [["at", "03/18/2024 00:00:00"], ["day", "31/02/2023"]];
    for mode in [&["transform", "visits"][..], &["transform", "visits", "--full-refresh"]] {
        own.run(mode).exits(0);
        assert_eq!(
            own.evo
                .db
                .sql("select entry_date at time zone 'UTC', day, at at time zone 'UTC' from core.visits order by 1"),
            expected,
            "{mode:?}"
        );
        assert_eq!(own.evo.db.sql("select column_name, raw_value from evo.issues order by 1"), issues, "{mode:?}");
    }
}

#[test]
fn a_format_that_cannot_be_is_refused_at_the_start_with_file_and_line() {
    let own = Own::new("dates = ['%d/%m/%Y']");
    own.run(&["migrate"]).exits(0);
    for (dates, says) in [
        (
            "dates = [\n  '%d/%m/%Y',\n  '%d/%m/%y',\n]",
            "entity.toml:6: the date format \"%d/%m/%y\" has the unknown field %y",
        ),
        ("dates = ['%d/%m/%Y', '%m/%d/%Y']", "entity.toml:4: the date format \"%m/%d/%Y\" and %d/%m/%Y read"),
        ("dates = ['%Y-%d-%m']", "and ISO 8601 read"),
    ] {
        own.declare(dates);
        own.run(&["load", "visits"]).exits(3).says(says);
        own.run(&["transform", "visits"]).exits(3).says(says);
    }
}
