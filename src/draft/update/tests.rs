//! What an update adds, and what it leaves alone.

use super::*;
use crate::draft::nodes::add_document;
use crate::draft::{UpdatedFile, updated_files};
use crate::entity::Catalog;

/// An entity of one's own with a table of an array, and its models as they are written.
fn toy() -> (Entity, Vec<Select>) {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy"));
    let catalog = Catalog::load(Some(folder)).unwrap();
    let entity = catalog.select(&["visits".to_owned()]).unwrap()[0].clone();
    let selects = entity.models.iter().map(|model| {
        let file = format!("{}.sql", model.table.trim_start_matches("core."));
        let text = std::fs::read_to_string(folder.join("models/visits").join(&file)).unwrap();
        Select::parse(&file, &text, &model.key).unwrap()
    });
    let selects = selects.collect();
    (entity, selects)
}

fn of(lines: &[&str]) -> (EntityUpdate, Vec<UpdatedFile>) {
    of_entity(toy(), lines, &["create table core.visits (visit_id bigint primary key, at timestamptz);"])
}

fn of_entity(
    (entity, selects): (Entity, Vec<Select>),
    lines: &[&str],
    migrations: &[&str],
) -> (EntityUpdate, Vec<UpdatedFile>) {
    let mut reading = SampleReading::default();
    for line in lines {
        assert!(add_document(&mut reading.shape, line.as_bytes()));
        reading.keys.add(line.as_bytes());
    }
    let texts = migrations.iter().map(|&text| text.to_owned()).collect();
    let earlier = EarlierMigrations { last: 6, texts };
    let update = update(&entity, &selects, &reading, &earlier);
    let files = updated_files(&entity, &update, "models = [\"visits\", \"visit_guests\"]\n", &earlier).unwrap();
    (update, files)
}

#[test]
fn what_the_models_read_already_is_not_added() {
    let known = r#"{"idVisit": 1, "at": "2026-01-09T18:30:00", "guests": [{"idGuest": 5, "name": "Ana"}], "x": null}"#;
    let (update, files) = of(&[known]);
    assert!(update.is_empty() && update.changed.is_empty() && update.notes.is_empty(), "{update:?}");
    assert!(files.is_empty());
}

#[test]
fn new_fields_become_columns_and_new_arrays_tables() {
    let (update, files) =
        of(&[r#"{"idVisit": 1, "vip": true, "room": {"name": "A", "floor": 3}, "tags": ["x"], "born": "18/03/1990",
            "guests": [{"idGuest": 5, "age": 7}], "steps": [{"what": "new"}]}"#]);
    let shown: Vec<String> = update
        .columns
        .iter()
        .map(|table| {
            let columns: Vec<String> =
                table.columns.iter().map(|c| format!("{} {:?}", c.name, c.value_type.unwrap())).collect();
            format!("{}: {}", table.table, columns.join(", "))
        })
        .collect();
    assert_eq!(
        shown,
        ["core.visits: vip Bool, room_name Text, room_floor Integer, born Text", "core.visit_guests: age Integer",]
    );
    let tables: Vec<&str> = update.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(tables, ["visit_tags", "visit_steps"]);
    let text = |end: &str| &files.iter().find(|file| file.path.ends_with(end)).unwrap().text;
    assert_eq!(text("entity.toml"), "models = [\"visits\", \"visit_guests\", \"visit_tags\", \"visit_steps\"]\n");
    let migration = text("migrations/0007_visits.up.sql");
    let columns = ["vip boolean,", "room_name text,"].map(|column| format!("\n    add column if not exists {column}"));
    assert!(migration.contains(&format!("alter table core.visits{}", columns.concat())), "{migration}");
    assert!(migration.contains("create table core.visit_tags ("), "{migration}");
    assert!(text("0007_visits.down.sql").contains("drop table core.visit_steps, core.visit_tags;"));
    assert!(text("models/visits/visits.sql").contains("    evo.as_bool(d.vip) as vip"));
}

#[test]
fn a_type_that_changed_is_named_and_left_alone() {
    let (update, files) = of(&[r#"{"idVisit": 1, "at": "soon", "guests": [{"idGuest": 2.5, "name": {"a": 1}}]}"#]);
    let changed: Vec<String> =
        update.changed.iter().map(|c| format!("{}.{} {} {}", c.table, c.column, c.declared, c.found)).collect();
    let of_guests = ["guest_id bigint decimal", "name text an object"];
    assert_eq!(changed[0], "core.visits.at timestamptz text");
    assert_eq!(changed[1..], of_guests.map(|change| format!("core.visit_guests.{change}")));
    assert!(files.is_empty(), "{files:?}");
}

#[test]
fn a_column_that_an_earlier_migration_made_is_neither_made_nor_dropped_again() {
    let line = r#"{"idVisit": 1, "vip": true, "seats": 2, "tags": ["x"]}"#;
    let made = ["alter table core.visits add column vip boolean;", "create table core.visit_tags (tag text);"];
    let (update, files) = of_entity(toy(), &[line], &made);
    let columns: Vec<(&str, Certainty)> =
        update.columns[0].columns.iter().map(|column| (column.name.as_str(), column.certainty)).collect();
    assert_eq!(columns, [("vip", Certainty::Look), ("seats", Certainty::Likely)]);
    let note = "a migration has made this column before; to refuse it: ignore = [\"vip\"]";
    assert_eq!(update.columns[0].columns[0].note, note);
    let text = |end: &str| &files.iter().find(|file| file.path.ends_with(end)).unwrap().text;
    assert!(
        text(".up.sql").contains("add column if not exists vip boolean,\n    add column if not exists seats bigint;")
    );
    // A table whose model was removed is still there, with whatever columns it has.
    assert!(text(".up.sql").contains("create table core.visit_tags_2 ("));
    let down: Vec<&str> = text(".down.sql").lines().collect();
    assert_eq!(down, ["alter table core.visits drop column seats;", "drop table core.visit_tags_2;"]);
    let (update, _) = of_entity(toy(), &[r#"{"idVisit": 1, "vip": "gold"}"#], &made);
    assert_eq!(update.columns[0].columns[0].name, "vip_2", "the table has one that is no text");
    let (_, files) = of_entity(toy(), &[r#"{"idVisit": 1, "vip": true}"#], &made);
    let down = &files.iter().find(|file| file.path.ends_with(".down.sql")).unwrap().text;
    assert_eq!(down, "-- Nothing to take back: the columns were there before.\n");
}

#[test]
fn what_the_contract_ignores_is_not_proposed() {
    let line = r#"{"idVisit": 1, "vip": true, "room": {"name": "A", "floor": 3}, "tags": ["x"],
        "guests": [{"idGuest": 5, "age": 7, "note": "n"}], "steps": [{"what": "new", "note": "n"}],
        "odd": [{"a": 1}]}"#;
    let (mut entity, selects) = toy();
    let ignore = ["room.floor", "tags", "guests[].note", "steps[].note", "odd[]"].map(str::to_owned).to_vec();
    entity.contract = Some(crate::entity::FieldContract { ignore, ..crate::entity::FieldContract::watchful() });
    let (update, _) = of_entity((entity, selects), &[line], &[]);
    let names = |columns: &[DraftColumn]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let columns: Vec<_> = update.columns.iter().map(|table| names(&table.columns)).collect();
    assert_eq!(columns, [vec!["vip".to_owned(), "room_name".to_owned()], vec!["age".to_owned()]]);
    let tables: Vec<_> = update.tables.iter().map(|table| (table.name.as_str(), names(&table.columns))).collect();
    assert_eq!(tables, [("visit_steps", vec!["what".to_owned()])]);
}

#[test]
fn a_column_that_cannot_be_added_keeps_no_other_one_away() {
    let (entity, mut selects) = toy();
    let text = selects[0].whole().replace("(at text)", "(at text, room text)");
    selects[0] = Select::parse("visits.sql", &text, &entity.models[0].key).unwrap();
    let (update, _) = of_entity((entity, selects), &[r#"{"idVisit": 1, "room": {"floor": 3}, "vip": true}"#], &[]);
    assert_eq!(update.notes, ["visits.sql: cannot add room_floor: room is defined as text there"]);
    assert_eq!(update.columns[0].columns.len(), 1);
    assert!(update.columns[0].text.contains("evo.as_bool(d.vip) as vip"));
}
