//! What is declared for the entity of some samples.

use super::counts::ValueType;
use super::keys::KeyGuess;
use super::names::{singular, snake};
use super::nodes::{MAX_FIELDS, NodeShape};
use super::read::SampleReading;
use super::tables::{Certainty, DraftColumn, DraftTable, TableKind, Tables, history_table};
use crate::counted::counted;
use crate::entity::{History, KeyType, MissingRows};
use crate::error::{Error, Kind, Result};

/// The zone of times without an offset, if nobody names another one.
const ZONE: &str = "America/Sao_Paulo";
/// The column since when a version counts.
const SINCE: &str = "valid_from";
/// Columns of staging that evo fills itself.
const STAGED: [&str; 3] = ["raw_data", "run_id", "ingestion_date"];
/// Names that say what a key is only together with the entity's name.
const BARE: [&str; 7] = ["id", "uuid", "guid", "key", "code", "codigo", "sku"];

/// What somebody wants to be so, whatever the samples say.
#[derive(Debug, Clone, Default)]
pub struct DraftWish {
    /// Name of the entity.
    pub entity: String,
    /// Fields of the key; empty to look for them.
    pub key: Vec<String>,
    /// The zone of times without an offset.
    pub zone: Option<String>,
    /// What becomes of rows that a run lacks, if each run holds everything.
    pub missing: MissingRows,
    /// Fields with the time of a change, if each version is kept: the first one with a value counts.
    pub history: Vec<String>,
    /// Tables of the schema core that there are already.
    pub tables: Vec<String>,
}

/// An entity that is not declared yet.
#[derive(Debug, Clone)]
pub struct EntityDraft {
    /// Its name.
    pub entity: String,
    /// The zone of its times.
    pub zone: String,
    /// Formats of its dates besides ISO 8601.
    pub dates: Vec<String>,
    /// The delimiter of its CSV, if it is another than the comma.
    pub delimiter: Option<u8>,
    /// The fields of its key.
    pub key_fields: Vec<String>,
    /// The type of its key.
    pub key_type: KeyType,
    /// The column with its key.
    pub key_column: String,
    /// What becomes of rows that a run lacks.
    pub missing: MissingRows,
    /// The time that tells its versions apart, if each is kept.
    pub history: Option<History>,
    /// Its core tables, parent first.
    pub tables: Vec<DraftTable>,
    /// What to look at, and why.
    pub notes: Vec<String>,
}

/// Drafts an entity.
///
/// # Errors
/// `Usage` when there is no document, when a field of the key is in none, or when no key was found.
pub fn plan(wish: &DraftWish, reading: &SampleReading) -> Result<EntityDraft> {
    let shape = &reading.shape;
    reading.require_documents()?;
    require_free_table(wish)?;
    let mut notes = Vec::new();
    if shape.has_names_as_data {
        notes.push(format!("there are more than {MAX_FIELDS} fields: those that were met last are left out"));
    }
    if reading.unusable > 0 {
        let lines = counted(reading.unusable, "line is not a document", "lines are not documents");
        notes.push(format!("{lines}, and would be rejected"));
    }
    let key_fields = key_fields(wish, reading, &mut notes)?;
    let key_type = key_type(reading, &key_fields)?;
    let key_column = key_column(wish, &key_fields);
    let key_field = (key_fields.len() == 1).then(|| key_fields[0].as_str());
    let child_id = |array: &str| reading.keys.child_id(array);
    let taken = if wish.history.is_empty() { &[][..] } else { &[SINCE, History::ENDS] };
    let mut tables = Tables::new((&wish.entity, &key_column), key_field, &child_id, taken);
    tables.avoid(&wish.tables);
    let mut tables = tables.of(shape);
    let dates = dates(shape, &mut tables, &mut notes);
    let history = history(wish, &mut tables)?;
    let zone = zone(wish, shape, &tables, &mut notes);
    let delimiter = reading.delimiter.filter(|delimiter| *delimiter != b',');
    Ok(EntityDraft {
        entity: wish.entity.clone(),
        zone,
        dates,
        delimiter,
        key_fields,
        key_type,
        key_column,
        missing: wish.missing,
        history,
        tables,
        notes,
    })
}

fn key_fields(wish: &DraftWish, reading: &SampleReading, notes: &mut Vec<String>) -> Result<Vec<String>> {
    let known: Vec<&str> = reading.shape.fields.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(missing) = wish.key.iter().find(|field| !known.contains(&field.as_str())) {
        return Err(Error::new(Kind::Usage, format!("no document has the field {missing:?} of --key"))
            .detail(format!("fields: {}", known.join(", "))));
    }
    if !wish.key.is_empty() {
        notes.extend(key_notes(wish, reading));
        return Ok(wish.key.clone());
    }
    let mut guesses = reading.keys.guesses(&wish.entity);
    if !wish.history.is_empty() {
        // Several versions of a document have one key, and what is unique beside it is chance.
        guesses.retain(|guess| guess.fields.len() == 1 && !wish.history.contains(&guess.fields[0]));
    }
    let Some(KeyGuess { fields, documents }) = guesses.first() else {
        return Err(Error::new(Kind::Usage, "no field, and no two or three together, are unique in the samples")
            .detail(format!("fields: {}", known.join(", ")))
            .hint("name the fields of the key: --key club,at"));
    };
    let (fields_text, others) = (fields.join(" and "), guesses.get(1..4).unwrap_or_default());
    let others: Vec<String> = others.iter().map(|guess| guess.fields.join(" and ")).collect();
    let also = if others.is_empty() { String::new() } else { format!("; so are {}", others.join(", ")) };
    let documents = counted(*documents as u64, "document", "documents");
    notes.push(format!("key: {fields_text} is unique in the first {documents}{also} (--key)"));
    Ok(fields.clone())
}

/// What is wrong with a key that somebody wants.
fn key_notes(wish: &DraftWish, reading: &SampleReading) -> Vec<String> {
    let fields = reading.shape.fields.iter().filter(|(name, _)| wish.key.contains(name));
    let without = fields.filter_map(|(name, node)| {
        let without = reading.documents.saturating_sub(node.present());
        let documents = counted(without, "document has", "documents have");
        (without > 0).then(|| format!("key: {documents} no {name}, and would be rejected"))
    });
    let mut notes: Vec<String> = without.collect();
    if let Some((documents, keys)) = reading.keys.distinct(&wish.key).filter(|_| wish.history.is_empty())
        && keys < documents
    {
        let documents = counted(documents as u64, "document", "documents");
        let keys = counted(keys as u64, "key", "keys");
        notes.push(format!("key: {documents} compared, with {keys}; of several with one key the newest one counts"));
    }
    notes
}

/// Refuses an entity whose own table is there already.
fn require_free_table(wish: &DraftWish) -> Result<()> {
    let names = [wish.entity.clone(), history_table(&wish.entity)];
    let wanted = if wish.history.is_empty() { &names[..1] } else { &names[..] };
    match wanted.iter().find(|name| wish.tables.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Error::new(Kind::Usage, format!("there is a table core.{name} already"))
            .hint("a model has it, or a migration of yours creates it: choose another name for the entity")),
    }
}

fn key_type(reading: &SampleReading, fields: &[String]) -> Result<KeyType> {
    let [field] = fields else { return Ok(KeyType::Uuid) };
    let Some((_, node)) = reading.shape.fields.iter().find(|(name, _)| name == field) else { return Ok(KeyType::Text) };
    let plain = &node.plain;
    if node.records + node.arrays > 0 {
        return Err(Error::new(Kind::Usage, format!("the field {field:?} of --key has other than plain values")));
    }
    // In CSV an integer is a text; in JSON a text is no integer.
    let is_all = |count: u64| count == plain.values && plain.values > 0;
    Ok(match plain.value_type() {
        ValueType::Integer if is_all(plain.numbers) || reading.delimiter.is_some() => KeyType::Integer,
        _ if is_all(plain.uuids) => KeyType::Uuid,
        _ => KeyType::Text,
    })
}

fn key_column(wish: &DraftWish, fields: &[String]) -> String {
    let one = singular(&wish.entity);
    let [field] = fields else { return format!("{one}_key") };
    let of_versions = if wish.history.is_empty() { &[][..] } else { &[SINCE, History::ENDS] };
    match snake(field) {
        name if name == "codigo" => format!("{one}_code"),
        name if BARE.contains(&name.as_str()) => format!("{one}_{name}"),
        name if STAGED.contains(&name.as_str()) || of_versions.contains(&name.as_str()) => format!("{name}_key"),
        name => name,
    }
}

/// The time of versions, and the table that shows them: the parent's columns but for that time.
fn history(wish: &DraftWish, tables: &mut Vec<DraftTable>) -> Result<Option<History>> {
    let Some(parent) = tables.first().filter(|_| !wish.history.is_empty()) else { return Ok(None) };
    let is_of = |column: &DraftColumn, field: &String| column.path.len() == 1 && column.path[0] == *field;
    for field in &wish.history {
        let column = parent.columns.iter().find(|column| is_of(column, field));
        if !column.is_some_and(|column| matches!(column.value_type, Some(ValueType::Time | ValueType::Date))) {
            let times = parent.columns.iter().filter(|column| column.value_type == Some(ValueType::Time));
            let times: Vec<String> = times.map(|column| column.path.join(".")).collect();
            return Err(Error::new(Kind::Usage, format!("--history: {field:?} is no field with a time"))
                .detail(format!("fields with times: {}", times.join(", ")))
                .hint("name a field of the document itself that holds the time of its last change"));
        }
    }
    let mut table = DraftTable { name: history_table(&wish.entity), kind: TableKind::History, ..parent.clone() };
    table.columns.retain(|column| !wish.history.iter().any(|field| is_of(column, field)));
    table.key = vec![SINCE.to_owned()];
    tables.push(table);
    Ok(Some(History { column: SINCE.to_owned(), fields: wish.history.clone() }))
}

/// The formats to declare. Columns in a format that contradicts them stay texts.
fn dates(shape: &NodeShape, tables: &mut [DraftTable], notes: &mut Vec<String>) -> Vec<String> {
    let mut dates: Vec<String> = Vec::new();
    for table in tables {
        let root = match &table.kind {
            TableKind::Parent | TableKind::History => Some(shape),
            TableKind::Children { array, .. } => at(shape, array).and_then(|n| n.elements.as_deref()),
            TableKind::Link { .. } => None,
        };
        for column in &mut table.columns {
            let Some(node) = root.and_then(|root| at(root, &column.path)) else { continue };
            let is_time = matches!(column.value_type, Some(ValueType::Date | ValueType::Time));
            let Some((format, _)) = node.plain.format().filter(|_| is_time) else { continue };
            if dates.iter().any(|known| contradicts(known, format)) {
                column.value_type = Some(ValueType::Text);
                column.certainty = Certainty::Look;
                column.note = format!("written as {format}, which contradicts {}: a text", dates.join(" and "));
            } else if !dates.iter().any(|known| known == format) {
                dates.push(format.to_owned());
            }
        }
    }
    if !dates.is_empty() {
        notes.push(format!("dates are written as {}: declared for the whole entity", dates.join(" and ")));
    }
    dates
}

/// Whether two formats read one text as two times.
fn contradicts(a: &str, b: &str) -> bool {
    let is_american = |format: &str| format.starts_with("%m");
    a.as_bytes().get(2) == b.as_bytes().get(2) && is_american(a) != is_american(b)
}

/// What is at the end of these names.
pub(super) fn at<'n>(node: &'n NodeShape, path: &[String]) -> Option<&'n NodeShape> {
    path.iter().try_fold(node, |node, name| Some(&node.fields.iter().find(|(known, _)| known == name)?.1))
}

fn zone(wish: &DraftWish, shape: &NodeShape, tables: &[DraftTable], notes: &mut Vec<String>) -> String {
    let is_time = |column: &&DraftColumn| column.value_type == Some(ValueType::Time);
    let mut times = tables.iter().flat_map(|table| &table.columns).filter(is_time).peekable();
    let has_times = times.peek().is_some();
    let is_local = has_local_times(shape);
    if let Some(zone) = &wish.zone {
        return zone.clone();
    }
    match (has_times, is_local) {
        (true, true) => {
            notes.push(format!("times have no offset: they are read as times of {ZONE} (--zone)"));
            ZONE.to_owned()
        }
        (true, false) => "UTC".to_owned(),
        (false, _) => ZONE.to_owned(),
    }
}

fn has_local_times(node: &NodeShape) -> bool {
    let is_local = node.plain.local_times > node.plain.midnights || node.plain.format().is_some();
    is_local
        || node.fields.iter().any(|(_, field)| has_local_times(field))
        || node.elements.as_deref().is_some_and(has_local_times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::keys::KeyRows;
    use crate::draft::nodes::add_document;

    fn drafted(entity: &str, lines: &[&str]) -> EntityDraft {
        let mut reading = SampleReading { keys: KeyRows::default(), ..SampleReading::default() };
        for line in lines {
            reading.keys.add(line.as_bytes());
            assert!(add_document(&mut reading.shape, line.as_bytes()));
            reading.documents += 1;
        }
        plan(&DraftWish { entity: entity.to_owned(), ..DraftWish::default() }, &reading).unwrap()
    }

    fn shown(draft: &EntityDraft) -> Vec<String> {
        let table = |table: &DraftTable| {
            let columns: Vec<String> = table.columns.iter().map(|c| format!("{} {:?}", c.name, c.value_type)).collect();
            format!(
                "{} ({}): {}",
                table.name,
                table.key.join(", "),
                columns.join(", ").replace("Some(", "").replace(')', "")
            )
        };
        draft.tables.iter().map(table).collect()
    }

    #[test]
    fn nested_documents_become_a_parent_children_and_links() {
        let draft = drafted(
            "visits",
            &[
                r#"{"idVisit": 1, "at": "2026-01-09T18:30:00", "room": {"name": "A", "size": 12.5}, "tags": ["x"],
                    "guests": [{"idGuest": 5, "born": "1990-01-02"}], 
                    "steps": [{"n": 1, "ok": true}, {"n": 1, "ok": false}]}"#,
                r#"{"idVisit": 2, "at": null, "odd": [1, {"a": 2}], "any": 1}"#,
                r#"{"idVisit": 3, "any": "x", "never": null}"#,
            ],
        );
        assert_eq!((draft.key_column.as_str(), draft.key_type), ("id_visit", KeyType::Integer));
        assert_eq!(draft.zone, ZONE);
        assert_eq!(
            shown(&draft),
            [
                "visits (): at Time, room_name Text, room_size Decimal, odd None, any Text, never Text",
                "visit_tags (tag): ",
                "visit_guests (id_guest): born Date",
                "visit_steps (place): n Integer, ok Bool",
            ]
        );
    }

    #[test]
    fn keys_of_all_kinds_are_found() {
        let of = |lines: &[&str]| {
            let draft = drafted("items", lines);
            (draft.key_fields.join(" "), draft.key_type, draft.key_column)
        };
        let key = |fields: &str, key_type, column: &str| (fields.to_owned(), key_type, column.to_owned());
        assert_eq!(of(&[r#"{"id": 7}"#, r#"{"id": 8}"#]), key("id", KeyType::Integer, "item_id"));
        assert_eq!(of(&[r#"{"id": "7"}"#, r#"{"id": "8"}"#]), key("id", KeyType::Text, "item_id"));
        assert_eq!(of(&[r#"{"code": "07"}"#, r#"{"code": "8"}"#]), key("code", KeyType::Text, "item_code"));
        let uuid = r#"{"uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}"#;
        assert_eq!(of(&[uuid]), key("uuid", KeyType::Uuid, "item_uuid"));
        assert_eq!(of(&[r#"{"a": 1, "b": 1}"#, r#"{"a": 1, "b": 2}"#, r#"{"a": 2, "b": 1}"#]).1, KeyType::Uuid);
        assert_eq!(of(&[r#"{"runId": 1}"#, r#"{"runId": 2}"#]), key("runId", KeyType::Integer, "run_id_key"));
    }

    #[test]
    fn a_key_that_somebody_wants_is_looked_at() {
        let mut reading = SampleReading::default();
        for line in [r#"{"a": 1, "b": 1}"#, r#"{"a": 1, "b": null}"#, r#"{"a": 2, "b": 1}"#] {
            reading.keys.add(line.as_bytes());
            reading.documents += u64::from(add_document(&mut reading.shape, line.as_bytes()));
        }
        let of = |key: &str| {
            let wish = DraftWish { entity: "items".to_owned(), key: vec![key.to_owned()], ..DraftWish::default() };
            plan(&wish, &reading).unwrap().notes
        };
        assert_eq!(of("a"), ["key: 3 documents compared, with 2 keys; of several with one key the newest one counts"]);
        assert_eq!(of("b"), ["key: 1 document has no b, and would be rejected"]);
    }

    #[test]
    fn tables_that_are_there_are_avoided() {
        let mut reading = SampleReading { documents: 1, ..SampleReading::default() };
        let line = br#"{"id": 1, "tags": ["x"]}"#;
        reading.keys.add(line);
        assert!(add_document(&mut reading.shape, line));
        let of = |tables: &[&str]| {
            let tables = tables.iter().map(|&name| name.to_owned()).collect();
            plan(&DraftWish { entity: "items".to_owned(), tables, ..DraftWish::default() }, &reading)
        };
        let draft = of(&["item_tags", "item_tags", "item_tags_2", "items_history"]).unwrap();
        assert_eq!(draft.tables[1].name, "item_tags_3");
        let error = of(&["items"]).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Usage, "there is a table core.items already"));
    }

    #[test]
    fn formats_that_contradict_each_other_are_not_declared_together() {
        let draft = drafted("items", &[r#"{"id": 1, "a": "18/03/2024", "b": "03/18/2024", "c": "18.03.2024"}"#]);
        assert_eq!(draft.dates, ["%d/%m/%Y", "%d.%m.%Y"]);
        assert_eq!(shown(&draft), ["items (): a Date, b Text, c Date"]);
    }
}
