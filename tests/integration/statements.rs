//! Every statement under `sql/` is one that a migrated server understands, with the parameter types that its header names.
//!
//! What creates temporary tables is run, not prepared.

use std::path::{Path, PathBuf};

use crate::support::{Database, Session};

pub const SQL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
/// SQL types of parameters.
const TYPES: [&str; 10] =
    ["text", "int", "bigint", "boolean", "date", "timestamptz", "uuid", "jsonb", "bytea", "double precision"];
/// What the placeholders of a folder or a file stand for; the first entry counts.
const PLACEHOLDERS: [(&str, &[(&str, &str)]); 40] = [
    (
        "load/age",
        &[
            ("date", "current_date"),
            ("run", "''"),
            ("path", "''"),
            ("newer", "'{}'::text[]"),
            ("older", "'{}'::text[]"),
        ],
    ),
    ("load/reject_invalid", &[("stage", "evo_stage_text")]),
    ("load/reject_refused", &[("stage", "evo_stage_text")]),
    ("load/update_changed", &[("age", "{age of candidates}"), ("documents", "evo_stage_text")]),
    ("load/to_write", &[("documents", "evo_stage_text")]),
    ("load/locate", &[("documents", "evo_document_jsonb")]),
    ("load/missing_documents", &[("documents", "evo_document_jsonb")]),
    ("load/upsert", &[("age", "{age of excluded}"), ("and_part", " and ctid = any ($7::text[]::tid[])")]),
    ("load/verdicts", &[("age", "{age of parameters}"), ("match", "t.sale_id = w.key")]),
    ("load/known_rows_on_shards", &[("sent", "int8send(t.sale_id)")]),
    ("load/known", &[("known", "evo_known"), ("match", "t.sale_id = w.key")]),
    (
        "load",
        &[
            ("row", "t"),
            ("stage", "evo_stage_jsonb"),
            ("verdict", "evo_verdict"),
            ("key_column", "bigint"),
            ("key_type", "bigint"),
            ("stage_row", "s.ctid"),
            ("documents", "evo_stage_jsonb"),
            ("target", "stg_evo.sales_raw"),
            ("event", "'epoch'::timestamptz"),
            ("key", "t.sale_id"),
            ("time", "'epoch'::timestamptz"),
            ("times", "null::timestamptz[]"),
            ("candidate_match", "t.sale_id = c.key"),
            ("seen_key", "key"),
            ("seen_place", "key"),
            ("lane", "0"),
            ("key_columns", "sale_id"),
            ("key_values", "c.key"),
            ("returning", "t.sale_id"),
            ("written_match", "w.sale_id = c.key"),
            ("shared", "_shared"),
            ("mode", "jsonb"),
            ("compression", ""),
        ],
    ),
    (
        "verify",
        &[
            (
                "written",
                "select 1::bigint as batch_id, null::text as path, null::xid as transaction, 1::bigint as rows",
            ),
            ("staging", "stg_evo.sales_raw"),
            ("key", "sale_id"),
            ("key_type", "bigint"),
            ("and_event", ""),
            ("seen_key", "k.key"),
            ("seen_place", "k.key"),
            ("transaction", "s.xmin"),
            ("batch", "s._batch_id is null"),
        ],
    ),
    (
        "transform/compare",
        &[
            ("typed", "m.sale_id::bigint as sale_id"),
            ("columns", "sale_id"),
            ("table", "core.evo_sales"),
            ("within", "true"),
            ("key", "sale_id"),
            ("first_key", "sale_id"),
            ("key_type", "bigint"),
            ("hash", "hashint8extended"),
            ("parent", "sale_id"),
            ("differs", "false"),
            ("differing", "null"),
            ("limit", "10"),
            ("rows", "stg_evo.sales_raw"),
            ("staging", "stg_evo.sales_raw"),
            ("staging_key", "sale_id"),
            ("record", "\"saleItens\" jsonb"),
            ("lengths", "0"),
        ],
    ),
    ("ledger", &[("objects", "evo.objects"), ("manifests", "evo.manifests"), ("listed", "evo.manifest_objects")]),
    ("storage", &[("extension", "pg_temp")]),
    ("transform/dimension_changed_keys", &[("core", "'core.evo_branches'"), ("key_type", "bigint")]),
    (
        "transform/dimension_elect_text",
        &[("key_type", "text collate \"C\""), ("source_key_type", "text collate \"C\"")],
    ),
    (
        "transform/dimension_changed",
        &[
            ("staging", "(select 1::bigint as branch_id, 1::bigint as _batch_id) s"),
            ("batches", "'{}'::bigint[]"),
            ("core", "core.evo_branches"),
        ],
    ),
    (
        "transform/dimension_better",
        &[("fresh", "{elect}"), ("elected", "{elect}"), ("lost", "'{}'::bigint[]"), ("winners", "{elect}")],
    ),
    (
        "transform/dimension_",
        &[
            ("sightings", "{branches}"),
            ("is_sighting", "s.branch_id <> '0'"),
            ("among", ""),
            ("fence", " offset 0"),
            ("key_type", "bigint"),
            ("winners", "{elect}"),
            ("fresh", "{elect}"),
            ("gone", "true"),
            ("name_text", "'branch_name'"),
            ("limit", "10"),
            ("changed", "select 'core.evo_sales' as table_name, 1::bigint as row_key"),
        ],
    ),
    (
        "transform/record_fill",
        &[("statistics", "(select '' as table_name, '' as column_name, 1::real as rows_count, 1::real as filled)")],
    ),
    ("transform/insert_checked", &[("insert", "insert into core.evo_sales (sale_id) select 1"), ("key", "sale_id")]),
    (
        "transform/generation/carry",
        &[
            ("columns", "sale_id"),
            ("old_values", "o.sale_id"),
            ("new_values", "n.sale_id"),
            ("same_key", "n.sale_id = o.sale_id"),
        ],
    ),
    ("transform/generation/insert", &[("columns", "sale_id"), ("values", "sale_id"), ("constraint", "true")]),
    ("transform/generation/old_rows", &[("parent", "'core.evo_sales'")]),
    (
        "transform/generation",
        &[
            ("new", "core.evo_sales"),
            ("old", "core.evo_sales"),
            ("within", "true"),
            ("parts", "true"),
            ("column", "sale_id"),
            ("table", "stg_evo.sales_raw"),
            ("percent", "10"),
            ("tables", "'core.evo_sales'"),
        ],
    ),
    (
        "transform/changed_rows",
        &[
            ("table", "core.evo_sale_items"),
            ("parent", "sale_id"),
            ("staging", "stg_evo.sales_raw"),
            ("key", "sale_id"),
            ("batches", "'{}'::bigint[]"),
        ],
    ),
    ("transform/leaves", &[("table", "'core.evo_branches'"), ("replaced", "0::oid")]),
    ("drift/sample", &[("most", "10")]),
    ("transform/check", &[("query", "select sale_id from core.evo_sales")]),
    ("transform/increment/bounds", &[("key", "sale_id"), ("table", "stg_evo.sales_raw")]),
    ("transform/increment/pending", &[("table", "stg_evo.sales_raw")]),
    (
        "transform/increment",
        &[
            ("rows", "stg_evo.sales_raw"),
            ("changed", "evo_changed"),
            ("key_column", "bigint"),
            ("key_type", "bigint"),
            ("key_part", "'7'"),
            ("names", "key"),
            ("keys", "select sale_id from stg_evo.sales_raw"),
            ("fresh", "evo_fresh"),
            ("old", "evo_old"),
            ("diff", "evo_diff"),
            ("columns", "sale_id"),
            ("table_columns", "t.sale_id"),
            ("table", "core.evo_sales"),
            ("table_key", "t.sale_id"),
            ("key", "sale_id"),
            ("first_key", "sale_id"),
            ("picked", "sale_id"),
            ("differs", "false"),
            ("model", "select 1::bigint as sale_id"),
            ("changed_match", "t.sale_id = c.key"),
            ("changed_count", "10"),
            ("on_conflict", "nothing"),
            ("source", "stg_evo.sales_raw"),
            ("staging_key", "sale_id"),
            ("orphans", "null"),
            ("parent_fresh", "evo_fresh"),
            ("parent_key", "sale_id"),
        ],
    ),
    ("transform/versions/source", &[("key", "sale_id"), ("time", "_loaded_at")]),
    (
        "transform/versions",
        &[
            ("rows", "stg_evo.sales_raw"),
            ("all", "stg_evo.sales_raw"),
            ("columns", "sale_id"),
            ("identity", "sale_id"),
            ("time", "since"),
            ("ends", "valid_to"),
            ("differs", "false"),
            ("model", "select 1::bigint as sale_id, now() as since, now() as evo_until"),
        ],
    ),
    ("transform/missing/mark", &[("key", "sale_id"), ("rows", "stg_evo.sales_raw")]),
    (
        "transform/missing",
        &[
            ("table", "stg_evo.sales_raw"),
            ("key", "t.sale_id"),
            ("key_type", "bigint"),
            ("time", "null::timestamptz"),
            ("and_time", ""),
            ("seen_key", "t.sale_id"),
            ("within", "true"),
            ("is_older", "true"),
        ],
    ),
    (
        "transform/issues",
        &[
            ("rows", "stg_evo.sales_raw"),
            ("source", "stg_evo.sales_raw"),
            ("alias", "s"),
            ("key_part", "s.sale_id::text"),
            ("children", "s.raw_data, 'saleItens', 'idSaleItem'"),
            (
                "misfits",
                "select sale_id, _source_file as evo_source_file, _source_line as evo_source_line from stg_evo.sales_raw",
            ),
            ("key", "m.sale_id"),
            ("values", "('sale_date', 'saleDate', null::text, 100)"),
            ("within", "true"),
        ],
    ),
    ("", &[("source", "stg_evo.{entity}_raw"), ("zone", "'America/Sao_Paulo'")]),
];
/// The same everywhere.
const COMMON: [(&str, &str); 6] = [
    ("table", "core.evo_branches"),
    ("key", "branch_id"),
    ("name", "branch_name"),
    ("sample", "(select raw_data::text as document, run_id, _source_file, _source_line from stg_evo.sales_raw)"),
    ("model", "select 1 as sale_id"),
    ("generation", "(values ('core.evo_sales', 'core.evo_sales'::regclass::oid))"),
];
/// Run, not prepared: several statements each, or what no server prepares.
const SCRIPTS: [&str; 6] = [
    "load/stage_tables",
    "load/known_table",
    "transform/increment/temp_changed",
    "transform/increment/temp_tables",
    "transform/increment/analyze_keys",
    "ledger/schema_history",
];
/// Tested elsewhere: checks by running them, the settings of a session on every version, parts of other statements and what
/// consists of them by dry runs, the migration of a draft by applying it,
/// tests of models by running them.
const ELSEWHERE: [&str; 14] = [
    "citus/",
    "checks/",
    "draft/",
    "transform/example/",
    "transform/generation/distribute",
    "transform/generation/fill_shard",
    "transform/generation/different",
    "transform/generation/filled",
    "pg/session",
    "ledger/group_objects",
    "ledger/preview_objects",
    "ledger/preview_manifests",
    "ledger/preview_listed",
    "ledger/preview_batches",
];
/// pgstattuple's functions, for a server that does not have the extension.
const MEASURES: &str = "
    create function pg_temp.pgstatindex(regclass) returns table (index_size bigint, internal_pages bigint, leaf_pages bigint,
        avg_leaf_density double precision) language sql as 'select 0::bigint, 0::bigint, 0::bigint, 0::double precision';
    create function pg_temp.pgstattuple_approx(oid) returns table (approx_free_space double precision, dead_tuple_len bigint)
        language sql as 'select 0::double precision, 0::bigint'";

pub fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(SQL).join(name).with_extension("sql")).unwrap()
}

/// Names of statements, `ledger/claim_batch`.
pub fn names(dir: &Path) -> Vec<String> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: PathBuf| match path.extension() {
        None => names(&path),
        Some(e) if e == "sql" => vec![path.with_extension("").strip_prefix(SQL).unwrap().display().to_string()],
        Some(_) => Vec::new(),
    };
    paths.into_iter().flat_map(name).collect()
}

/// A statement without its header, its placeholders filled as far as they are known.
pub fn filled(name: &str) -> String {
    let mut text = read(name);
    while text.starts_with("--") {
        text = text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned());
    }
    let values = PLACEHOLDERS.iter().filter(|(prefix, _)| name.starts_with(prefix)).flat_map(|(_, values)| *values);
    let mut text = values.chain(&COMMON).fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    for (name, part) in [
        ("elect", "transform/dimension_elect"),
        ("branches", "dimensions/branches"),
        ("groups", "ledger/group_objects"),
        ("known_rows", "load/known_rows"),
        ("is_known_row", "load/is_known_row"),
    ] {
        if text.contains(&format!("{{{name}}}")) {
            text = text.replace(&format!("{{{name}}}"), &filled(part));
        }
    }
    while let Some((before, rest)) = text.split_once("{core.") {
        let (table, behind) = rest.split_once('}').unwrap();
        text = format!("{before}core.{table}{behind}");
    }
    let age = |path: &str, date: &str, run: &str| {
        let mut text = read("load/age").split_once("\ncase").unwrap().1.to_owned();
        for (name, value) in
            [("row", "t"), ("path", path), ("date", date), ("run", run), ("newer", "$4"), ("older", "$5")]
        {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        format!("case{text}")
    };
    let excluded = age("excluded._source_file", "excluded.ingestion_date", "excluded.run_id");
    let candidates = age("c._source_file", "c.ingestion_date", "c.run_id");
    let parameters = age("($2::text[])[w.object_no + 1]", "($3::date[])[w.object_no + 1]", "$1");
    let entity = name.strip_prefix("models/").and_then(|rest| rest.split('/').next()).unwrap_or("sales");
    let ages = [("excluded", excluded), ("candidates", candidates), ("parameters", parameters)];
    let text = ages.iter().fold(text, |text, (of, age)| text.replace(&format!("{{age of {of}}}"), age));
    text.replace("{entity}", entity)
}

/// The types that a header names: `bigint, text[]`.
pub fn types(name: &str) -> Vec<String> {
    let header: String = read(name)
        .lines()
        .take_while(|line| line.starts_with("--"))
        .skip_while(|line| !line.starts_with("-- parameters: "))
        .enumerate()
        .take_while(|(i, line)| *i == 0 || line.starts_with("--  "))
        .map(|(_, line)| format!("{} ", line.trim_start_matches('-').trim()))
        .collect();
    let of = |parameter: &str| {
        let mut words =
            parameter.split([' ', ',', ';']).map(|word| (word.trim_end_matches("[]"), word.ends_with("[]")));
        let (name, is_array) = words
            .find_map(|(word, is_array)| {
                let found = TYPES.iter().find(|name| name.split(' ').next() == Some(word))?;
                Some((*found, is_array))
            })
            .unwrap_or_else(|| panic!("{name}: ${parameter} has no type"));
        if is_array { format!("{name}[]") } else { name.to_owned() }
    };
    header.split('$').skip(1).map(of).collect()
}

/// Makes the temporary tables that statements of a load or an increment name.
pub fn make_temporary_tables(session: &Session) {
    for script in SCRIPTS {
        session.run(&format!("begin; {}; commit", filled(script)));
    }
    session.run(&filled("load/stage_tables").replace("evo_stage_jsonb", "evo_stage_text").replace("jsonb", "text"));
}

#[test]
fn every_statement_is_prepared_with_the_types_of_its_header() {
    let db = Database::migrated();
    let session = Session::open(&db.url);
    session.run(MEASURES);
    session.run("alter table stg_evo.sales_raw add column _deleted_at timestamptz");
    make_temporary_tables(&session);
    let statements = names(Path::new(SQL));
    let (mut prepared, mut failed) = (0, Vec::new());
    let is_left_out = |name: &str| SCRIPTS.contains(&name) || ELSEWHERE.iter().any(|prefix| name.starts_with(prefix));
    for name in statements.iter().filter(|name| !is_left_out(name)) {
        let text = match name.as_str() {
            "load/age" => format!("select {} from stg_evo.sales_raw t", filled(name)),
            "load/is_known_row" => format!("select from stg_evo.sales_raw t where {}", filled(name)),
            "transform/generation/stale_issues" => format!("select {} from evo.issues", filled(name)),
            _ => filled(name).trim().trim_end_matches(';').to_owned(),
        };
        let types = types(name).join(", ");
        let types = if types.is_empty() { types } else { format!(" ({types})") };
        match session.try_run(&format!("prepare evo_statement{types} as {text}; deallocate evo_statement")) {
            Ok(()) => prepared += 1,
            Err(error) => failed.push(format!("{name}: {error}\n{text}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(prepared > 120, "{prepared}");
}
