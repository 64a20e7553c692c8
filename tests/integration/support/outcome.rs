//! What an execution leaves behind, to be held against that of another one.

use super::Database;

/// Everything that a load and its transforms leave behind, but for times and ids.
pub fn outcome(db: &Database) -> Vec<Vec<String>> {
    let tables = db.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('stg_evo', 'core') and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    );
    let content = |table: &str| {
        format!(
            "select '{table}', count(*), md5(string_agg(row, ',' order by row collate \"C\"))
             from (select (to_jsonb(t) - '{{_loaded_at,_updated_at,_batch_id}}'::text[])::text as row from {table} t) r"
        )
    };
    let others = [
        "select 'objects', count(*), md5(string_agg(concat_ws(' ', path, state, lines_count, inserted_count, updated_count,
             unchanged_count, superseded_count, rejected_count), ',' order by path)) from evo.objects",
        "select 'rejects', count(*), md5(string_agg(concat_ws(' ', path, line_number, line, reason), ',' order by path, line_number))
         from evo.rejects",
        "select 'issues', count(*), md5(string_agg(concat_ws(' ', table_name, key_text, column_name, raw_value), ','
             order by table_name, key_text, column_name)) from evo.issues",
    ];
    let queries = tables.iter().map(|row| content(&row[0])).chain(others.map(str::to_owned));
    queries.map(|query| db.sql(&query).concat()).collect()
}
