//! Dimensions of one's own: ids and keys that are texts, child tables as sources, 0 as an ordinary id.

use crate::support::{Database, Evo, Run, object};

const LEARNERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/learners");

struct Own(Evo);

impl Own {
    fn new() -> Self {
        let own = Self(Evo::with(Database::bare()));
        own.run(&["migrate"]).exits(0);
        own
    }

    fn run(&self, args: &[&str]) -> Run {
        self.0.run(&[args, &["--extend", LEARNERS]].concat())
    }

    /// Loads a run of one object and brings everything up to date.
    fn add(&self, entity: &str, day: u64, lines: &[&str]) {
        object(entity, &format!("202601{day:02}T020501Z"), "a").lines(&self.0.lake(), lines);
        self.run(&["load", entity]).exits(0);
        self.run(&["transform", "all"]).exits(0);
    }

    /// The three dimensions, after increments. Asserts that a rebuild and a verification find them right.
    fn all(&self) -> [Vec<Vec<String>>; 3] {
        let read = || {
            ["companies order by company_id", "skills order by skill", "levels order by level_id"].map(|of| {
                self.0.db.sql(&format!(
                    "select (to_jsonb(t) - '_updated_at')::text from core.{} t order by 1",
                    &of[..of.find(' ').unwrap()]
                ))
            })
        };
        let incremental = read();
        self.run(&["verify", "--deep"]).exits(0);
        self.run(&["transform", "companies", "skills", "levels", "--full-refresh"]).exits(0);
        assert_eq!(read(), incremental);
        incremental
    }

    fn names(&self, sql: &str) -> Vec<String> {
        self.0.db.sql(sql).into_iter().map(|row| row.join(" ")).collect()
    }
}

#[test]
fn texts_are_ids_and_keys_and_child_tables_are_sources() {
    let own = Own::new();
    own.add(
        "learners",
        10,
        &[
            r#"{"id": "L-1", "registeredAt": "2024-01-01T10:00:00", "company": "É", "companyName": "Old", "level": 0, "skills": ["sql", "rust"]}"#,
            r#"{"id": "L-2", "registeredAt": "2024-01-03T10:00:00", "company": "É", "companyName": "New", "level": 2, "skills": ["sql"]}"#,
            r#"{"id": "L-3", "registeredAt": "2024-01-02T10:00:00", "company": "none", "companyName": "x", "skills": []}"#,
            r#"{"id": "a'b", "registeredAt": null, "company": "b'\\\"", "companyName": null, "level": 2, "skills": ["o'k"]}"#,
        ],
    );
    own.all();
    let companies = "select company_id, company_name, _source_key from core.companies order by 1";
    let skills = "select skill, _source_key from core.skills order by 1";
    let levels = "select level_id, level_name, _source_table, _source_key from core.levels order by 1";
    assert_eq!(own.names(companies), ["b'\\\" ∅ a'b", "É New L-2"]);
    assert_eq!(own.names(skills), ["o'k a'b", "rust L-1", "sql L-2"]);
    assert_eq!(own.names(levels), ["0 ∅ core.learners L-1", "2 ∅ core.learners L-2"]);
    // The winners lose what made them win; an id goes, and another comes from a table with integer keys.
    own.add(
        "learners",
        11,
        &[
            r#"{"id": "L-2", "registeredAt": "2024-01-03T10:00:00", "company": "Z", "companyName": "Zed", "level": 3, "skills": []}"#,
            r#"{"id": "a'b", "registeredAt": null, "company": null, "level": 2, "skills": ["sql"]}"#,
        ],
    );
    own.add("sales", 11, &[r#"{"idSale": 7, "saleDate": "2024-03-19T10:00:00", "saleSource": 3}"#]);
    own.all();
    assert_eq!(own.names(companies), ["Z Zed L-2", "É Old L-1"]);
    assert_eq!(own.names(skills), ["rust L-1", "sql a'b"]);
    assert_eq!(own.names(levels), ["0 ∅ core.learners L-1", "2 ∅ core.learners a'b", "3 sold core.evo_sales 7"]);
}

#[test]
fn spellings_seconds_and_keys_decide_between_sightings_of_one_id_in_this_order() {
    let own = Own::new();
    let line = |id: &str, at: &str, company: &str, name: &str| {
        format!(r#"{{"id": "{id}", "registeredAt": {at}, "company": "{company}", "companyName": {name}}}"#)
    };
    let (ten, later) = ("\"2024-01-01T10:00:00.9\"", "\"2024-01-01T10:00:01.1\"");
    let lines = [
        // Blanks around a name are none of it, and a name of blanks is none.
        line("L-1", ten, "blanks", "\" New\""),
        line("L-3", ten, "blanks", "\"New\\t\""),
        line("L-2", ten, "blanks", "\"New\""),
        line("L-9", later, "blanks", "\"  \""),
        // A fraction of a second does not count, a second before 1970 does.
        line("L-4", ten, "seconds", "\"Four\""),
        line("L-5", "\"2024-01-01T10:00:00.1\"", "seconds", "\"Five\""),
        line("L-6", "null", "old", "\"Six\""),
        line("L-7", "\"1960-01-01T10:00:00.5\"", "old", "\"Seven\""),
        // Texts are compared by their bytes.
        line("L-é", later, "bytes", "\"é\""),
        line("L-z", later, "bytes", "\"z\""),
    ];
    own.add("learners", 10, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    own.all();
    let companies =
        "select company_id, company_name, _source_time at time zone 'UTC', _source_key from core.companies order by 1";
    assert_eq!(
        own.names(companies),
        [
            "blanks New 2024-01-01 13:00:00 L-3",
            "bytes é 2024-01-01 13:00:01 L-é",
            "old Seven 1960-01-01 13:00:00 L-7",
            "seconds Five 2024-01-01 13:00:00 L-5",
        ]
    );
}

#[test]
fn a_table_that_does_not_fit_is_named_when_the_schema_is_migrated() {
    let own = Own::new();
    for (change, back, says) in [
        (
            "alter column _source_key type text collate \"default\"",
            "alter column _source_key type text collate \"C\"",
            "it needs _source_key text collate \"C\", which has another collation",
        ),
        (
            "rename column company_name to called",
            "rename column called to company_name",
            "it needs company_name text, which does not exist",
        ),
        (
            "alter column _source_table type varchar(9)",
            "alter column _source_table type text",
            "it needs _source_table text, which is character varying",
        ),
    ] {
        own.0.db.sql(&format!("alter table core.companies {change}"));
        for command in [&["migrate"][..], &["transform", "companies"]] {
            own.run(command).exits(3).says("core.companies does not fit the dimension companies").says(says);
        }
        own.0.db.sql(&format!("alter table core.companies {back}"));
    }
    own.run(&["migrate"]).exits(0);
}
