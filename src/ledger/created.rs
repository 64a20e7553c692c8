//! Which relations a migration creates, as far as its text names them.

/// What `create table`, `create view`, `create index` and their kin create, with their schema. Names without
/// one, in quotes, or made by code are left out.
pub(super) fn created(sql: &str) -> Vec<String> {
    let text: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let text = text.to_lowercase().replace('(', " ( ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut names: Vec<String> =
        (0..words.len()).filter(|i| words[*i] == "create").filter_map(|i| name(&words[i + 1..])).collect();
    names.sort();
    names.dedup();
    names
}

/// The name behind `create`.
fn name(words: &[&str]) -> Option<String> {
    const BEFORE: [&str; 7] = ["or", "replace", "unlogged", "unique", "materialized", "recursive", "foreign"];
    const BETWEEN: [&str; 4] = ["if", "not", "exists", "concurrently"];
    let mut words = words.iter().copied().skip_while(|word| BEFORE.contains(word));
    let kind = words.next()?;
    let mut words = words.skip_while(|word| BETWEEN.contains(word));
    let name = words.next()?.trim_end_matches(';');
    let name = match kind {
        "table" | "view" | "sequence" => name.to_owned(),
        "index" => {
            let table = words.find(|word| !["on", "only"].contains(word))?;
            format!("{}.{name}", table.split_once('.')?.0)
        }
        _ => return None,
    };
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    (is_plain && name.split('.').count() == 2).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_migration_creates_is_read_from_its_text() {
        let sql = "-- create table core.comment (id int);
            create schema core;
            CREATE TABLE core.visits(id int); create unlogged table if not exists stg_evo.visits_raw (id int);
            create unique index visits_at_idx on core.visits (at); create index concurrently b on only core.b (x);
            create or replace view evo.v_runs as select 1;
            create table \"core\".\"Odd\" (id int); create table core.part_%s (id int); create table plain (id int);
            create function evo.f() returns int language sql return 1;";
        let expected = ["core.b", "core.visits", "core.visits_at_idx", "evo.v_runs", "stg_evo.visits_raw"];
        assert_eq!(created(sql), expected);
    }
}
