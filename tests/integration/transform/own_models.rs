//! Models of other people: whatever they look like, all readings agree, or they are refused at the start.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{RUN, RUN_2};
use crate::support::{Database, Dice, Evo, Run, object};

/// Header lines up to the key.
const HEADER: &str = "-- grain: one row per visit\n-- source: stg_evo.visits_raw\n-- parent key: visit_id\n";

/// An entity `visits` of one's own with these models; its columns are of type text.
struct Own {
    evo: Evo,
    key: &'static str,
}

impl Own {
    fn new(models: &[(&str, String, usize)]) -> Self {
        Self::keyed(models, "visit_id")
    }

    fn keyed(models: &[(&str, String, usize)], key: &'static str) -> Self {
        let evo = Evo::with(Database::bare());
        std::fs::create_dir_all(evo.dir.path().join("own/models/visits")).unwrap();
        std::fs::create_dir_all(evo.dir.path().join("own/migrations")).unwrap();
        let mut migration = "create table stg_evo.visits_raw (like stg_evo.prospects_raw including all);
             alter table stg_evo.visits_raw rename column prospect_id to visit_id;\n"
            .to_owned();
        for (name, _, columns) in models {
            let columns: String = (0..*columns).map(|i| format!("c{i} text, ")).collect();
            writeln!(migration, "create table core.{name} (visit_id bigint, {columns} primary key ({key})) partition by range (visit_id);").unwrap();
            writeln!(
                migration,
                "create table core.{name}_all partition of core.{name} for values from (minvalue) to (maxvalue);"
            )
            .unwrap();
        }
        std::fs::write(evo.dir.path().join("own/migrations/0001_visits.up.sql"), migration).unwrap();
        let names: Vec<&str> = models.iter().map(|(name, _, _)| *name).collect();
        let toml = format!(
            "name = 'visits'\nbronze_prefix = 'bronze/evo/entity=visits'\nzone = 'UTC'\nmodels = {names:?}\n[staging]\ntable = 'stg_evo.visits_raw'\nkey_column = 'visit_id'\n[key]\nfield = 'idVisit'\n"
        );
        std::fs::write(evo.dir.path().join("own/models/visits/entity.toml"), toml).unwrap();
        let own = Self { evo, key };
        for (name, select, _) in models {
            own.model(name, select);
        }
        own.run(&["migrate"]).exits(0);
        own
    }

    fn model(&self, name: &str, select: &str) {
        let path = self.evo.dir.path().join(format!("own/models/visits/{name}.sql"));
        std::fs::write(path, format!("{HEADER}-- key: {}\n{select}", self.key)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Run {
        self.evo.run(&[args, &["--extend", "own"]].concat())
    }

    fn load(&self, run: &str, documents: &[Value]) {
        let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
        object("visits", run, "a").lines(&self.evo.lake(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
        self.run(&["load", "visits"]).exits(0);
    }

    fn issues(&self) -> BTreeSet<Vec<String>> {
        let sql = "select table_name, key_text, column_name, raw_value from evo.issues";
        self.evo.db.sql(sql).into_iter().collect()
    }
}

#[test]
fn a_cast_over_several_lines_files_its_misfits_as_one_on_a_line_does() {
    let model = "select\n    s.visit_id,\n    evo.as_int(d.n) as c0,\n    evo.as_int(\n        d.n\n    )\n    as c1\nfrom {source} s\n\
                 cross join lateral jsonb_to_record(s.raw_data) as d (n text)";
    let own = Own::new(&[("visits", model.to_owned(), 2)]);
    own.load(RUN, &[json!({"idVisit": 1, "n": "many"}), json!({"idVisit": 2, "n": 5})]);
    for mode in [
        &["transform", "visits"][..],
        &["transform", "visits", "--full-refresh"],
        &["transform", "visits", "--in-place"],
    ] {
        own.run(mode).exits(0);
        let rows = own.evo.db.sql("select visit_id, c0, c1 from core.visits order by 1");
        assert_eq!(rows, [["1", "∅", "∅"], ["2", "5", "5"]], "{mode:?}");
        let issue = |column: &str| ["core.visits", "1", column, "many"].map(str::to_owned).to_vec();
        assert_eq!(own.issues(), BTreeSet::from([issue("c0"), issue("c1")]), "{mode:?}");
        let paths = own.evo.db.sql("select distinct path from evo.issues");
        assert_eq!(paths, [["n"]]);
    }
}

#[test]
fn rows_that_differ_in_what_is_nulled_are_one_row_and_one_issue() {
    let model = "select distinct s.visit_id, evo.as_int(x.n) as c0\nfrom {source} s\n\
                 cross join lateral jsonb_to_recordset(s.raw_data -> 'list') as x (n text)";
    let own = Own::new(&[("visits", model.to_owned(), 1)]);
    own.load(RUN, &[json!({"idVisit": 1, "list": [{"n": "a"}, {"n": "b"}]})]);
    own.run(&["transform", "visits"]).exits(0);
    assert_eq!(own.evo.db.sql("select * from core.visits"), [["1", "∅"]]);
    assert_eq!(own.issues().len(), 1);
}

#[test]
fn a_misfit_is_filed_under_its_row_s_whole_key_also_if_the_key_is_cast() {
    let model = "select s.visit_id, evo.as_int(x.id) as c0, evo.as_int(x.n) as c1\nfrom {source} s\n\
                 cross join lateral jsonb_to_recordset(s.raw_data -> 'list') as x (id text, n text)";
    let own = Own::keyed(&[("visits", model.to_owned(), 2)], "visit_id, c0");
    own.load(RUN, &[json!({"idVisit": 1, "list": [{"id": 7, "n": "a"}, {"id": 8, "n": "b"}]})]);
    own.run(&["transform", "visits", "--in-place"]).exits(0);
    let issue = |key: &str, raw: &str| ["core.visits", key, "c1", raw].map(str::to_owned).to_vec();
    assert_eq!(own.issues(), BTreeSet::from([issue("1,7", "a"), issue("1,8", "b")]));
}

#[test]
fn a_model_that_only_the_server_can_refuse_is_its_author_s_to_correct() {
    let good = "select s.visit_id,\n    evo.as_int(d.n) as c0\nfrom {source} s\n\
                cross join lateral jsonb_to_record(s.raw_data) as d (n text)";
    let own = Own::new(&[("visits", good.to_owned(), 1)]);
    own.load(RUN, &[json!({"idVisit": 1, "n": 5})]);
    for model in [good.replace("d.n", "d.m"), good.replace("evo.as_int(d.n)", "evo.as_int(coalesce(d.n d.n))")] {
        own.model("visits", &model);
        for mode in [&["--full-refresh"][..], &["--in-place"]] {
            own.run(&[&["transform", "visits"], mode].concat()).exits(3).says("core.visits").says("correct the model");
        }
    }
    own.model("visits", good);
    own.run(&["transform", "visits"]).exits(0);
    assert_eq!(own.evo.db.sql("select * from core.visits"), [["1", "5"]]);
}

#[test]
fn a_model_that_is_not_understood_is_refused_with_its_line_before_anything_is_done() {
    let good = "select s.visit_id,\n    evo.as_int(d.n) as c0\nfrom {source} s\n\
                cross join lateral jsonb_to_record(s.raw_data) as d (n text)";
    let own = Own::new(&[("visits", good.to_owned(), 1)]);
    own.load(RUN, &[json!({"idVisit": 1, "n": 5})]);
    for (from, to, line) in [
        (" as c0", "", 6),
        ("evo.as_int(d.n)", "d.n::int", 6),
        ("evo.as_int(d.n)", "evo.try_int(d.n)", 6),
        ("(n text)", "(n text)\nwhere evo.as_int(d.n) > 1", 9),
    ] {
        own.model("visits", &good.replace(from, to));
        for command in ["load", "transform", "status"] {
            let place = format!("own/models/visits/visits.sql:{line}: ");
            own.run(&[command, "visits"]).exits(3).says(&place).says("hint:");
        }
    }
    assert_eq!(own.evo.db.one("select count(*) from core.visits"), "0");
}

/// Names of the texts in a document, as a model writes them.
const FIELDS: [(&str, &str); 3] = [("n", "n"), ("Odd as, {zone}", "\"Odd as, {zone}\""), ("from", "\"from\"")];

/// A document's values as texts, and its object.
struct Document {
    id: u64,
    texts: [Option<String>; 3],
    kind: &'static str,
    object: Value,
    /// A text, or something else in its place.
    plain: Value,
}

impl Document {
    fn roll(dice: &mut Dice, id: u64, fits: bool) -> Self {
        let values = if fits { 3 } else { 9 };
        let mut text = || {
            ["7", "-3", "12", "", "x as y", "1.5", "d.n", "'", "--"][..values]
                .get(dice.index(values + 1))
                .map(|t| (*t).to_owned())
        };
        let texts = [text(), text(), text()];
        let inner = text();
        let mut object = inner.map_or(json!({}), |n| json!({"n": n}));
        if !fits {
            object = [object, json!([1]), json!("text"), Value::Null][dice.index(4)].clone();
        }
        let plain =
            [json!("x"), Value::Null, json!({"q": 1}), json!(["y"])][dice.index(if fits { 2 } else { 4 })].clone();
        Self { id, plain, texts, kind: if fits { "a" } else { dice.pick(&["a", "b"]) }, object }
    }

    fn json(&self) -> Value {
        let mut document = json!({"idVisit": self.id, "k": self.kind, "o": self.object, "x": self.plain});
        for ((name, _), text) in FIELDS.iter().zip(&self.texts) {
            if let Some(text) = text {
                document[*name] = json!(text);
            }
        }
        document
    }

    /// The object's field and, if it is none, its text.
    fn object(&self) -> Cell {
        match &self.object {
            Value::Object(fields) => (fields.get("n").and_then(Value::as_str).map(str::to_owned), None),
            Value::Null => (None, None),
            other => (None, Some(other.to_string())),
        }
    }
}

impl Document {
    /// What an expression gives that makes its result of the plain value by `f`. What stands in the place of
    /// that is null to the expression.
    fn plain(&self, f: impl Fn(Option<&str>) -> Option<String>) -> Cell {
        match &self.plain {
            Value::Null => (f(None), None),
            Value::String(text) => (f(Some(text)), None),
            // As jsonb writes it.
            nested => (f(None), Some(nested.to_string().replace(':', ": "))),
        }
    }

    /// The same, where the whole column is null then.
    fn whole(&self, f: impl Fn(Option<&str>) -> Option<String>) -> Cell {
        match self.plain(f) {
            (_, Some(misfit)) => (None, Some(misfit)),
            fits => fits,
        }
    }
}

/// What a column gives, and what of it is filed.
type Cell = (Option<String>, Option<String>);

fn int(text: Option<&String>) -> Cell {
    match text.filter(|text| !text.is_empty()) {
        None => (None, None),
        Some(text) => text.parse::<i32>().map_or((None, Some(text.clone())), |n| (Some(n.to_string()), None)),
    }
}

/// A form of a column, `§a` and `§b` standing for fields and `~` for white space of any kind, and what it
/// must give.
type Form = (&'static str, fn(&Document, usize, usize) -> Cell);

const FORMS: [Form; 18] = [
    ("D~.~\"x\"", |d, _, _| d.plain(|x| x.map(str::to_owned))),
    ("coalesce(d.x, $$ d.x $$)~||~'d.x'", |d, _, _| d.plain(|x| Some(format!("{}d.x", x.unwrap_or(" d.x "))))),
    ("upper(~x~)", |d, _, _| d.whole(|x| x.map(str::to_uppercase))),
    ("(select~w || coalesce(d.x, '')~from words)", |d, _, _| {
        d.whole(|x| Some(format!("from, as{}", x.unwrap_or_default())))
    }),
    ("evo.as_int(~d.§a~)", |d, a, _| int(d.texts[a].as_ref())),
    ("evo~.~\"as_int\"~(~coalesce(d~.~§a,~d.§b)~)", |d, a, b| int(d.texts[a].as_ref().or(d.texts[b].as_ref()))),
    ("case~d.k~when~'a'~then evo.as_int(d.§a)~else~EVO.AS_INT(d.§b)~end", |d, a, b| {
        int(d.texts[if d.kind == "a" { a } else { b }].as_ref())
    }),
    ("case when d.k is~distinct~from 'a' then null else evo.as_int(d.§a)~end", |d, a, _| match d.kind {
        "a" => int(d.texts[a].as_ref()),
        _ => (None, None),
    }),
    ("coalesce(evo.as_int(d.§a),~evo.as_int(d.§b))", |d, a, b| match int(d.texts[a].as_ref()) {
        (Some(value), _) => (Some(value), None),
        (None, misfit) => {
            let (value, behind) = int(d.texts[b].as_ref());
            (value, misfit.or(behind))
        }
    }),
    ("evo.as_int(evo.as_object(d.o)~->>~'n')", |d, _, _| {
        let (text, misfit) = d.object();
        let (value, inner) = int(text.as_ref());
        (value, misfit.or(inner))
    }),
    ("' as x, evo.as_int(d.n) {zone} {source} {key} -- /* '~||~d.k", |d, _, _| {
        (Some(format!(" as x, evo.as_int(d.n) {{zone}} {{source}} {{key}} -- /* {}", d.kind)), None)
    }),
    (
        "evo.as_int((select~max(e.value)~from jsonb_each_text(case when jsonb_typeof(d.o) = 'object' then d.o end) as e (key, value)))",
        |d, _, _| int(d.object().0.as_ref()),
    ),
    ("evo.as_int(d.§a)::bigint~*~2 + 1", |d, a, _| {
        let (value, misfit) = int(d.texts[a].as_ref());
        (value.map(|n| (n.parse::<i64>().unwrap() * 2 + 1).to_string()), misfit)
    }),
    ("$q$ end as x, evo.as_int(d.a) from $q$", |_, _, _| (Some(" end as x, evo.as_int(d.a) from ".to_owned()), None)),
    ("extract(year from~evo.as_date(case d.k when 'a' then '2024-03-18' else d.§a end))::int", |d, a, _| {
        match d.kind {
            "a" => (Some("2024".to_owned()), None),
            _ => (None, d.texts[a].clone().filter(|text| !text.is_empty())),
        }
    }),
    ("E'it\\'s, as '~||~d.k", |d, _, _| (Some(format!("it's, as {}", d.kind)), None)),
    ("nullif(d.§a,~'')", |d, a, _| (d.texts[a].clone().filter(|text| !text.is_empty()), None)),
    (
        "case when evo.as_int(d.§a) > 5 then 'big' when d.k = 'a' then~evo.as_object(d.o)~->> 'n' else (select w from words) end",
        |d, a, _| {
            let (value, misfit) = int(d.texts[a].as_ref());
            match value.is_some_and(|n| n.parse::<i32>().unwrap() > 5) {
                true => (Some("big".to_owned()), None),
                false if d.kind == "a" => {
                    let (text, none) = d.object();
                    (text, misfit.or(none))
                }
                false => (Some("from, as".to_owned()), misfit),
            }
        },
    ),
];

/// White space where SQL takes any.
fn noise(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        " ",
        "\n",
        "\n\n\t",
        " /* as x, evo.as_int( */ ",
        " -- from {source} s, 'x\n",
        "/* a /* nested */ \" */\n ",
    ])
}

/// A column of a generated model.
struct Column {
    form: Form,
    fields: (usize, usize),
}

/// A select with these columns, written in one of many ways.
fn written(dice: &mut Dice, columns: &[Column]) -> String {
    let mut list = "s.visit_id".to_owned();
    for (i, column) in columns.iter().enumerate() {
        let name = [format!("c{i}"), format!("C{i}"), format!("\"c{i}\"")][dice.index(3)].clone();
        let (a, b) = column.fields;
        let text = column.form.0.replace("§a", FIELDS[a].1).replace("§b", FIELDS[b].1);
        write!(list, ",~{text}~{}~{name}", dice.pick(&["as", "AS"])).unwrap();
    }
    let fields: String = FIELDS.iter().map(|(_, name)| format!("{name}~text,~")).collect();
    let text = format!(
        "with~words (w) as (values ('from, as'))~select~{list}~from~{{source}} s~cross join~lateral jsonb_to_record(s.raw_data)~as d ({fields} k text, x~text, o jsonb)~where~true;~"
    );
    text.split('~')
        .fold(String::new(), |text, part| if text.is_empty() { part.to_owned() } else { text + noise(dice) + part })
}

#[test]
fn every_reading_of_a_generated_model_gives_what_its_columns_mean() {
    let mut dice = Dice(41);
    let names = ["visits", "visits_1", "visits_2", "visits_3", "visits_4", "visits_5"];
    let models: Vec<Vec<Column>> = (0..names.len())
        .map(|m| {
            let form = |i: usize, dice: &mut Dice| {
                FORMS[if i < 3 { (m * 3 + i) % FORMS.len() } else { dice.index(FORMS.len()) }]
            };
            (0..8).map(|i| Column { form: form(i, &mut dice), fields: (dice.index(3), dice.index(3)) }).collect()
        })
        .collect();
    let texts: Vec<(&str, String, usize)> =
        names.iter().zip(&models).map(|(name, columns)| (*name, written(&mut dice, columns), columns.len())).collect();
    let own = Own::new(&texts);
    // First what every reading takes, also the typed one; then what only the careful one does.
    let mut documents: Vec<Document> = (0..12).map(|id| Document::roll(&mut dice, id, true)).collect();
    own.load(RUN, &documents.iter().map(Document::json).collect::<Vec<_>>());
    check(&own, &names, &models, &documents);
    assert!(own.issues().is_empty());
    let others: Vec<Document> = (6..40).map(|id| Document::roll(&mut dice, id, false)).collect();
    own.load(RUN_2, &others.iter().map(Document::json).collect::<Vec<_>>());
    documents.truncate(6);
    documents.extend(others);
    check(&own, &names, &models, &documents);
    assert!(own.issues().len() > 100, "{}", own.issues().len());
}

/// Compares core and the issues with what the columns must give, after each manner of transforming.
fn check(own: &Own, names: &[&str], models: &[Vec<Column>], documents: &[Document]) {
    for mode in [
        &["transform", "visits"][..],
        &["transform", "visits", "--full-refresh"],
        &["transform", "visits", "--in-place"],
    ] {
        own.run(mode).exits(0);
        let mut filed = BTreeSet::new();
        for (name, columns) in names.iter().zip(models) {
            let rows: Vec<Vec<String>> = own.evo.db.sql(&format!("select * from core.{name} order by visit_id"));
            assert_eq!(rows.len(), documents.len(), "{name} {mode:?}");
            for (document, row) in documents.iter().zip(rows) {
                for (i, column) in columns.iter().enumerate() {
                    let (value, misfit) = column.form.1(document, column.fields.0, column.fields.1);
                    let value = value.unwrap_or_else(|| "∅".to_owned());
                    assert_eq!(row[i + 1], value, "{name}.c{i} of {} {mode:?}: {}", document.json(), column.form.0);
                    filed.extend(
                        misfit.map(|raw| vec![format!("core.{name}"), document.id.to_string(), format!("c{i}"), raw]),
                    );
                }
            }
        }
        assert_eq!(own.issues(), filed, "{mode:?}");
    }
}
