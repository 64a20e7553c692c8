//! The files that declare a drafted entity.

use super::counts::ValueType;
use super::names::{quoted, singular};
use super::plan::EntityDraft;
use super::tables::{DraftColumn, DraftTable, TableKind};
use crate::entity::{History, KeyType, MissingRows};
use crate::sql::{fill, is_column_name, literal, value_at};
use crate::visible;

/// Longest value of a link table, bytes: an index holds it together with the key.
const MAX_LINK_BYTES: usize = 1_000;
/// Columns at which lists of columns are broken.
const WIDTH: usize = 110;

/// A file below the folder of `--extend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftFile {
    /// Its path there.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// The declaration, the models and the migration, which gets this number.
pub fn files(draft: &EntityDraft, number: u32) -> Vec<DraftFile> {
    let folder = format!("models/{}", draft.entity);
    let mut files = vec![DraftFile { path: format!("{folder}/entity.toml"), text: declaration(draft) }];
    let model =
        |table: &DraftTable| DraftFile { path: format!("{folder}/{}.sql", table.name), text: model(draft, table) };
    files.extend(draft.tables.iter().map(model));
    let stem = format!("migrations/{number:04}_{}", draft.entity);
    files.push(DraftFile { path: format!("{stem}.up.sql"), text: migration(draft) });
    files.push(DraftFile { path: format!("{stem}.down.sql"), text: removal(draft) });
    files
}

fn declaration(draft: &EntityDraft) -> String {
    let EntityDraft { entity, zone, key_column, .. } = draft;
    // Editors find it beside the folder of the entity.
    let mut text = "#:schema ../entity.schema.json\n".to_owned();
    let zone = toml_text(zone);
    text += &format!("name = {entity:?}\nbronze_prefix = \"bronze/evo/entity={entity}\"\nzone = {zone}\n");
    if !draft.dates.is_empty() {
        text += &format!("dates = [{}]\n", list(&draft.dates));
    }
    if draft.missing != MissingRows::Keep {
        text += &format!("missing = {:?}\nsnapshot = \"run\" # each run holds everything\n", draft.missing.word());
    }
    let models = list(&draft.tables.iter().map(|table| &table.name).collect::<Vec<_>>());
    text += &format!("models = [{models}] # parent first\n\n");
    text += &format!("[staging]\ntable = \"stg_evo.{entity}_raw\"\nkey_column = {key_column:?}\n\n[key]\n");
    text += &match (draft.key_fields.as_slice(), draft.key_type) {
        ([field], KeyType::Integer) => format!("field = {}\n", toml_text(field)),
        ([field], KeyType::Text) => format!("field = {}\ntype = \"text\"\n", toml_text(field)),
        ([field], KeyType::Uuid) => format!("field = {}\ntype = \"uuid\"\n", toml_text(field)),
        (fields, _) => format!("fields = [{}]\n", list(fields)),
    };
    if let Some(history) = &draft.history {
        text += &format!("\n[history]\ncolumn = {:?}\nfield = ", history.column);
        text += &match history.fields.as_slice() {
            [field] => format!("{}\n", toml_text(field)),
            fields => format!("[{}]\n", list(fields)),
        };
    }
    if let Some(delimiter) = draft.delimiter {
        text += &format!("\n[input]\ndelimiter = {:?}\n", char::from(delimiter));
    }
    text
}

/// Texts as TOML lists them.
fn list(texts: &[impl AsRef<str>]) -> String {
    texts.iter().map(|text| toml_text(text.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A text as TOML writes it.
fn toml_text(text: &str) -> String {
    let spelled = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        _ if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        _ => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(spelled).collect::<String>())
}

/// The text of a model.
pub(super) fn model(draft: &EntityDraft, table: &DraftTable) -> String {
    let key_column = quoted(&draft.key_column);
    let key: Vec<String> = std::iter::once(&draft.key_column).chain(&table.key).cloned().collect();
    let mut text = format!(
        "-- grain: {}\n-- source: stg_evo.{}_raw\n-- parent key: {}\n-- key: {}\n",
        grain(draft, table),
        draft.entity,
        draft.key_column,
        key.join(", ")
    );
    let mut columns = vec![format!("s.{key_column}")];
    let from = match &table.kind {
        TableKind::Parent => String::new(),
        TableKind::History => {
            text += "-- history: yes\n";
            columns.extend(table.key.iter().map(|column| format!("s.{}", quoted(column))));
            String::new()
        }
        TableKind::Children { array, id: Some(id) } => {
            columns.push(format!("c.id as {}", quoted(&table.key[0])));
            format!("cross join lateral evo.as_children(s.raw_data, {}, {}) c\n", literal(&array[0]), literal(id))
        }
        TableKind::Children { array, id: None } => {
            columns.push("e.place".to_owned());
            let array = only_array(&path_of(array));
            format!("cross join lateral jsonb_array_elements({array}) with ordinality as e (element, place)\n")
        }
        TableKind::Link { array, is_text } => {
            let value = quoted(&table.key[0]);
            columns.push(format!("t.{value}"));
            let array = if *is_text { text_as_array(&array[0]) } else { only_array(&path_of(array)) };
            text += &format!("select\n    {}\nfrom {{source}} s\n", columns.join(",\n    "));
            text += &format!("cross join lateral (\n    select distinct e.{value}\n");
            text += &format!("    from jsonb_array_elements_text({array}) as e ({value})\n");
            return text + &format!("    where octet_length(e.{value}) between 1 and {MAX_LINK_BYTES}\n) t\n");
        }
    };
    let (document, object) = match &table.kind {
        TableKind::Children { id: Some(_), .. } => ("c.value", "c.value"),
        TableKind::Children { id: None, .. } => {
            ("e.element", "case when jsonb_typeof(e.element) = 'object' then e.element end")
        }
        _ => ("s.raw_data", "s.raw_data"),
    };
    let records = Records::of(&table.columns, document);
    columns.extend(table.columns.iter().map(|column| records.column(column)));
    text += &format!("select\n    {}\nfrom {{source}} s\n{from}{}", columns.join(",\n    "), records.sql(object));
    text
}

fn grain(draft: &EntityDraft, table: &DraftTable) -> String {
    let one = singular(&draft.entity);
    match &table.kind {
        TableKind::Parent => format!("one row per {one}"),
        TableKind::History => format!("one row per version of a {one}"),
        TableKind::Children { array, .. } => format!("one row per element of {} in each {one}", shown(array)),
        TableKind::Link { array, .. } => format!("one row per {one} and value in {}", shown(array)),
    }
}

/// The names of a path in one line of a comment.
fn shown(path: &[String]) -> String {
    visible::line(&path.join(".")).into_owned()
}

/// `s.raw_data -> 'room' -> 'guests'`
fn path_of(array: &[String]) -> String {
    value_at("s.raw_data", array, true)
}

/// The array that is written as a text; null where the text is none.
fn text_as_array(field: &str) -> String {
    format!("evo.text_array(s.raw_data ->> {})", literal(field))
}

fn only_array(value: &str) -> String {
    format!("\n    case when jsonb_typeof({value}) = 'array' then {value} end")
}

/// The records that documents are taken apart into.
struct Records<'a> {
    /// What has the fields.
    document: &'a str,
    list: Vec<Record<'a>>,
}

/// The path of a record's field, and its columns with their types.
type Record<'a> = (&'a [String], Vec<(&'a str, &'static str)>);

impl<'a> Records<'a> {
    fn of(columns: &'a [DraftColumn], document: &'a str) -> Self {
        let mut records = Self { document, list: Vec::new() };
        for column in columns.iter().filter(|column| column.path.iter().all(|name| is_column_name(name))) {
            let (last, path) = column.path.split_last().map_or(("", &[][..]), |(last, path)| (last.as_str(), path));
            for depth in 0..path.len() {
                records.add(&path[..depth], &path[depth], "jsonb");
            }
            records.add(path, last, if column.value_type.is_some() { "text" } else { "jsonb" });
        }
        records
    }

    fn add(&mut self, path: &'a [String], name: &'a str, kind: &'static str) {
        let place = self.list.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            self.list.push((path, Vec::new()));
            self.list.len() - 1
        });
        let columns = &mut self.list[place].1;
        if !columns.iter().any(|(known, _)| *known == name) {
            columns.push((name, kind));
        }
    }

    fn alias(&self, path: &[String]) -> String {
        match self.list.iter().position(|(known, _)| *known == path) {
            Some(0) | None => "d".to_owned(),
            Some(place) => format!("d{}", place + 1),
        }
    }

    fn field(&self, path: &[String]) -> String {
        let (last, path) = path.split_last().map_or(("", &[][..]), |(last, path)| (last.as_str(), path));
        format!("{}.{}", self.alias(path), quoted(last))
    }

    fn column(&self, column: &DraftColumn) -> String {
        let field = match column.path.iter().all(|name| is_column_name(name)) {
            true => self.field(&column.path),
            false => value_at(self.document, &column.path, column.value_type.is_none()),
        };
        let name = quoted(&column.name);
        let cast = expression(column).replace("{field}", &field);
        if cast == format!("d.{name}") { cast } else { format!("{cast} as {name}") }
    }

    /// The items of the from clause, the outer records first.
    fn sql(&self, document: &str) -> String {
        let one = |(path, columns): &Record<'a>| {
            let argument =
                if path.is_empty() { document.to_owned() } else { format!("evo.as_object({})", self.field(path)) };
            let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{} {kind}", quoted(name))).collect();
            format!(
                "cross join lateral jsonb_to_record({argument}) as {} (\n{})\n",
                self.alias(path),
                wrapped(&columns)
            )
        };
        self.list.iter().map(one).collect()
    }
}

/// The expression of a column, with `{field}` for the field that it reads.
pub(super) fn expression(column: &DraftColumn) -> &'static str {
    match column.value_type {
        Some(ValueType::Integer) => "evo.as_bigint({field})",
        Some(ValueType::Decimal) => "evo.as_decimal({field})",
        Some(ValueType::Bool) => "evo.as_bool({field})",
        Some(ValueType::Date) => "evo.as_date({field})",
        Some(ValueType::Time) => "evo.as_timestamptz({field}, {zone})",
        Some(ValueType::Text) | None => "{field}",
    }
}

/// A list that is broken into indented lines.
fn wrapped(items: &[String]) -> String {
    let mut lines = vec!["    ".to_owned()];
    for (i, item) in items.iter().enumerate() {
        let item = if i + 1 < items.len() { format!("{item}, ") } else { item.clone() };
        match lines.last_mut() {
            Some(line) if line.len() == 4 || line.len() + item.len() <= WIDTH => line.push_str(&item),
            _ => lines.push(format!("    {item}")),
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

fn migration(draft: &EntityDraft) -> String {
    let key = format!("{} {}", quoted(&draft.key_column), draft.key_type.column());
    let table = format!("{}_raw", draft.entity);
    let (rest, primary) = match &draft.history {
        None => (" primary key".to_owned(), String::new()),
        Some(History { column, .. }) => {
            let (id, column) = (quoted(&draft.key_column), quoted(column));
            (format!(",\n    {column} timestamptz"), format!(",\n    primary key ({id}, {column})"))
        }
    };
    let of_key = format!("{key}{rest}");
    let mut text = fill(sql_file!("draft/staging.sql"), &[("table", &table), ("key", &of_key), ("primary", &primary)]);
    if draft.missing != MissingRows::Keep {
        text += &fill(sql_file!("draft/marks.sql"), &[("table", &table), ("key", &quoted(&draft.key_column))]);
    }
    for table in &draft.tables {
        text += &core_table(draft, table, &key);
    }
    text
}

/// The statements that create a core table, whose key is in the column `key`.
pub(super) fn core_table(draft: &EntityDraft, table: &DraftTable, key: &str) -> String {
    let mut lines = vec![key.to_owned()];
    let kind = match table.kind {
        TableKind::Link { .. } => "text",
        TableKind::History => "timestamptz",
        TableKind::Parent | TableKind::Children { .. } => "bigint",
    };
    lines.extend(table.key.iter().map(|column| format!("{} {kind}", quoted(column))));
    lines.extend(table.columns.iter().map(|column| format!("{} {}", quoted(&column.name), sql_type(column))));
    if draft.missing == MissingRows::Mark {
        lines.push("_deleted_at timestamptz".to_owned());
    }
    if table.kind == TableKind::History {
        lines.insert(2, format!("{} timestamptz", History::ENDS));
    }
    let columns: Vec<String> = std::iter::once(&draft.key_column).chain(&table.key).map(|name| quoted(name)).collect();
    lines.push(format!("primary key ({})", columns.join(", ")));
    fill(
        sql_file!("draft/core.sql"),
        &[
            ("table", &table.name),
            ("columns", &lines.join(",\n    ")),
            ("key", &quoted(&draft.key_column)),
            ("comment", &literal(&format!("{}.", capital(&grain(draft, table))))),
        ],
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().to_string() + letters.as_str())
}

/// The type of a column in SQL.
pub(super) fn sql_type(column: &DraftColumn) -> &'static str {
    match column.value_type {
        Some(ValueType::Integer) => "bigint",
        Some(ValueType::Decimal) => "numeric(15, 2)",
        Some(ValueType::Bool) => "boolean",
        Some(ValueType::Date) => "date",
        Some(ValueType::Time) => "timestamptz",
        Some(ValueType::Text) => "text",
        None => "jsonb",
    }
}

fn removal(draft: &EntityDraft) -> String {
    let mut tables: Vec<String> = draft.tables.iter().rev().map(|table| format!("core.{}", table.name)).collect();
    tables.push(format!("stg_evo.{}_raw", draft.entity));
    format!("drop table {};\n", tables.join(", "))
}
