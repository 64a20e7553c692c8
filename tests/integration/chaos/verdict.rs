//! Every table against an undisturbed load of the same lake, and the ledger against the data.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use xxhash_rust::xxh3::xxh3_128;

use super::crew::TRANSFORM;
use super::lake::GrowingLake;
use crate::lake::KEY;
use crate::support::{Database, Evo, Run};

/// The content of a table without the columns that say when and from where it came. Where the same content
/// stands in several objects, the order in which batches happen to come decides which of them is named: see
/// [`wrong_lineage`].
const ROWS: &str = "select md5((to_jsonb(t) - '{_loaded_at,_updated_at,_batch_id,_source_file,_source_line,run_id,ingestion_date,\
     _source_run_id}'::text[])::text) from TABLE t";
const LINEAGE: &str = "select _source_file, _source_line, replace(_content_hash::text, '-', '') from TABLE";
const TABLES: &str = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname in ('stg_evo', 'core') and c.relkind in ('r', 'p') and not c.relispartition order by 1";
/// What a broken refresh could leave behind: the next one collects it.
const RELATIONS: &str = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname !~ '^(pg_|information_schema)'";
/// Of each path the present object: what was replaced has older ones.
const OBJECTS: &str = "select md5(format('%s %s %s %s', path, state, lines_count, rejected_count)) \
     from (select distinct on (path) * from evo.objects order by path, object_id desc) o where state <> 'gone'";
const REJECTS: &str =
    "select md5(format('%s %s %s %s', path, line_number, line, reason)) from evo.rejects where resolved_at is null";
const ISSUES: &str =
    "select md5(format('%s %s %s %s %s', table_name, key_text, column_name, raw_value, reason)) from evo.issues";

/// The ledger as the data says it is: each of these is true, or names what is wrong.
const LEDGER: [(&str, &str); 5] = [
    ("batches that are not committed", "select count(*) from evo.batches where state <> 'committed'"),
    ("objects that are not loaded", "select count(*) from evo.objects where state not in ('loaded', 'gone')"),
    (
        "objects whose lines do not add up",
        "select count(*) from evo.objects where lines_count <> inserted_count + updated_count + unchanged_count + superseded_count + rejected_count",
    ),
    (
        "batches whose objects do not add up to them",
        "select count(*) from evo.batches b join (select batch_id, sum(lines_count) as lines, sum(inserted_count) as inserted,
            sum(rejected_count) as rejected from evo.objects where state = 'loaded' group by 1) o using (batch_id)
         where (b.lines_count, b.inserted_count, b.rejected_count) <> (o.lines, o.inserted, o.rejected)",
    ),
    (
        "entities whose rows are not what was inserted",
        "select count(*) from (
             select entity, sum(inserted_count) as inserted, case entity when 'sales' then (select count(*) from stg_evo.sales_raw)
                 when 'members' then (select count(*) from stg_evo.members_raw) when 'entries' then (select count(*) from stg_evo.entries_raw)
                 else (select count(*) from stg_evo.prospects_raw) end as rows
             from evo.batches where state = 'committed' group by 1) e where inserted <> rows",
    ),
];

/// How a table differs.
#[derive(Debug, Default)]
struct Difference {
    rows: usize,
    lost: usize,
    doubled: usize,
}

pub(super) struct Verdict {
    tables: BTreeMap<String, Difference>,
    ledger: Vec<String>,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.ledger.is_empty() && self.tables.values().all(|t| t.lost + t.doubled == 0)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&Difference) -> usize| self.tables.values().map(of).sum::<usize>();
        writeln!(f, "rows compared                  {} in {} tables", sum(|t| t.rows), self.tables.len())?;
        writeln!(f, "rows lost                      {}", sum(|t| t.lost))?;
        writeln!(f, "rows doubled or different      {}", sum(|t| t.doubled))?;
        write!(f, "ledger = data                  {}", if self.ledger.is_empty() { "yes" } else { "NO" })?;
        for (table, difference) in self.tables.iter().filter(|(_, t)| t.lost + t.doubled > 0) {
            write!(f, "\n{table}: {difference:?}")?;
        }
        self.ledger.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// `refresh` runs a full refresh of the disturbed warehouse.
pub(super) fn compare(evo: &Evo, lake: &GrowingLake, refresh: impl FnOnce()) -> Verdict {
    let undisturbed = Evo::with(Database::migrated());
    // Larger batches than the disturbed load's: that they make no difference is part of what is shown.
    let load: &[&str] = &["load", "all", "--workers", "6", "--batch-size", "12", "--max-rejects", "100%"];
    for args in [load, TRANSFORM] {
        let mut command = crate::support::binary(undisturbed.dir.path());
        command.args(args).args(["--database-url", &undisturbed.db.url, "--lake", "az://datalake"]);
        command.env("AZURE_STORAGE_ENDPOINT", lake.server.endpoint());
        command.env("AZURE_STORAGE_ACCOUNT_NAME", "acme").env("AZURE_STORAGE_ACCOUNT_KEY", KEY);
        Run::from(command.output().unwrap()).exits(0);
    }
    let mut queries: Vec<(String, String)> = undisturbed
        .db
        .sql(TABLES)
        .concat()
        .into_iter()
        .map(|table| (table.clone(), ROWS.replace("TABLE", &table)))
        .collect();
    for (name, query) in [("evo.objects", OBJECTS), ("evo.rejects", REJECTS), ("evo.issues", ISSUES)] {
        queries.push((name.to_owned(), query.to_owned()));
    }
    let read =
        |evo: &Evo| -> Vec<Vec<String>> { queries.iter().map(|(_, query)| evo.db.sql(query).concat()).collect() };
    let (expected, by_increments) = (read(&undisturbed), read(evo));
    refresh();
    let by_refresh = read(evo);
    let mut tables = BTreeMap::new();
    for (how, found) in [("", by_increments), (" after a full refresh", by_refresh)] {
        for (((name, _), found), expected) in queries.iter().zip(found).zip(&expected) {
            tables.insert(format!("{name}{how}"), differ(found, expected.clone()));
        }
    }
    let mut ledger: Vec<String> = LEDGER
        .iter()
        .map(|(what, query)| (evo.db.one(query), what))
        .filter(|(n, _)| n != "0")
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    let relations = |evo: &Evo| evo.db.sql(RELATIONS).concat();
    let left_over: Vec<String> =
        relations(evo).into_iter().filter(|name| !relations(&undisturbed).contains(name)).collect();
    if !left_over.is_empty() {
        ledger.push(format!("left over: {}", left_over.join(", ")));
    }
    match wrong_lineage(evo, lake) {
        0 => {}
        n => ledger.push(format!("{n} rows whose content is not the line that they name")),
    }
    Verdict { tables, ledger }
}

/// Staged rows whose content is not that of the line in the lake that they name.
fn wrong_lineage(evo: &Evo, lake: &GrowingLake) -> usize {
    let mut hashes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in lake.server.paths().into_iter().filter(|path| path.ends_with(".gz")) {
        let mut text = Vec::new();
        MultiGzDecoder::new(lake.server.content(&path).unwrap().as_slice()).read_to_end(&mut text).unwrap();
        let lines = text.split(|b| *b == b'\n').map(|line| format!("{:032x}", xxh3_128(line)));
        hashes.insert(path, lines.collect());
    }
    let tables = ["members_raw", "sales_raw", "entries_raw", "prospects_raw"];
    let rows = tables.iter().flat_map(|table| evo.db.sql(&LINEAGE.replace("TABLE", &format!("stg_evo.{table}"))));
    rows.filter(|row| {
        let named = hashes.get(&row[0]).and_then(|lines| lines.get(row[1].parse::<usize>().ok()?.checked_sub(1)?));
        named != Some(&row[2])
    })
    .count()
}

/// As multisets: what is there too seldom is lost, what is there too often is doubled or different.
fn differ(found: Vec<String>, expected: Vec<String>) -> Difference {
    let mut balance: BTreeMap<String, i64> = BTreeMap::new();
    let rows = expected.len();
    expected.into_iter().for_each(|row| *balance.entry(row).or_default() -= 1);
    found.into_iter().for_each(|row| *balance.entry(row).or_default() += 1);
    let sum = |sign: i64| balance.values().map(|n| (n * sign).max(0).unsigned_abs() as usize).sum();
    Difference { rows, lost: sum(-1), doubled: sum(1) }
}
