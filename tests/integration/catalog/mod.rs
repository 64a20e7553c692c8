//! `evo catalog`: the same bytes for the same warehouse, a fixed number of queries, and names that do no harm.

mod browser;
mod openlineage;
mod serve;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::support::proxy::{EXECUTE, Proxy};
use crate::support::{Evo, Run, cluster, sql};

/// Names that end strings, elements, lines and paths in one language or another.
pub(crate) const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "../../etc/passwd",
    "</title></script><!-- -->",
    "שלום עולם \u{202e}gpj.exe",
    "🏋️ a\nb\tc",
    "`$(id)` ${alert(1)} \\",
];

/// A warehouse with documents, rejects, issues, checks, views, and tables of hostile names.
pub(crate) fn warehouse() -> Evo {
    let evo = Evo::new();
    evo.run(&["generate", "all", "--scale", "0.02", "--runs", "2", "--broken", "1%", "--misfits", "2%"]).exits(0);
    evo.run(&["load", "all", "--max-rejects", "100%"]).exits(0);
    evo.run(&["transform", "all"]).exits(0);
    evo.run(&["optimize-storage", "--vacuum"]).exits(0);
    evo.db.sql(
        "create schema reports;
         create view reports.revenue as
            select date_trunc('month', s.sale_date) as month, sum(i.item_value) as revenue
            from core.evo_sales s join core.evo_sale_items i using (sale_id) group by 1;
         create materialized view reports.kept as select * from reports.revenue;
         comment on view reports.revenue is 'Revenue by month & <b>branch</b>';
         create function reports.members_of(branch bigint) returns bigint language sql stable
            begin atomic select count(*) from core.evo_members m where m.branch_id = branch; end;",
    );
    for (i, name) in HOSTILE.iter().enumerate() {
        let (table, text) = (name.replace('"', "\"\""), name.replace('\'', "''"));
        evo.db.sql(&format!(
            "create table core.\"{i}{table}\" (id int, \"{table}\" text);
             comment on table core.\"{i}{table}\" is '{text}';
             comment on column core.\"{i}{table}\".\"{table}\" is '{text}';
             create index \"i{i}{table}\" on core.\"{i}{table}\" (id);
             insert into evo.fields (entity, path, type, execution_id) values ('sales', '{text}', '{text}', gen_random_uuid());
             insert into evo.runs (execution_id, command, entities, state, evo_version, finished_at, error, exit_code)
             values (gen_random_uuid(), '{text}', array['{text}'], 'failed', '0', now(), '{text}', 5);"
        ));
    }
    // Names of the database are short; those of fields are not.
    evo.db.sql(
        "insert into evo.fields (entity, path, type, execution_id)
         values ('sales', repeat('x', 1000), 'string', gen_random_uuid())",
    );
    evo
}

/// Path, content and time of every file below a folder.
fn files(dir: &Path) -> BTreeMap<String, (String, SystemTime)> {
    fn visit(root: &Path, dir: &Path, found: &mut BTreeMap<String, (String, SystemTime)>) {
        for path in std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                visit(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                let modified = path.metadata().unwrap().modified().unwrap();
                found.insert(name, (std::fs::read_to_string(&path).unwrap(), modified));
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(dir, dir, &mut found);
    found
}

fn built(evo: &Evo, out: &str) -> (Value, PathBuf) {
    (evo.json(&["catalog", "--out", out]), evo.dir.path().join(out))
}

#[test]
fn a_second_run_writes_nothing_and_another_folder_gets_the_same_bytes() {
    let evo = warehouse();
    // The servers of a cluster count late, and vacuum when they like: the list may say that the site was made from
    // newer numbers, although no page shows them.
    let files = |dir: &Path| {
        let mut found = files(dir);
        found.retain(|name, _| !cluster::is_cluster() || name != ".catalog-files");
        found
    };
    let (first, site) = built(&evo, "site");
    let before = files(&site);
    let lists = usize::from(!cluster::is_cluster());
    assert_eq!(first["files"].as_u64().unwrap() as usize + lists, before.len(), "and the list of them");
    assert_eq!(first["written"], first["files"]);
    let (second, _) = built(&evo, "site");
    assert_eq!((&second["written"], &second["removed"]), (&0.into(), &0.into()));
    assert_eq!(files(&site), before, "also the times");
    let (_, other) = built(&evo, "other");
    let texts = |files: BTreeMap<String, (String, SystemTime)>| -> BTreeMap<String, String> {
        files.into_iter().map(|(name, (text, _))| (name, text)).collect()
    };
    assert_eq!(texts(files(&other)), texts(before.clone()));
    // The same again where nobody remembers what the site was made from: each file is compared.
    let list = site.join(".catalog-files");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.split_once('\n').unwrap().1).unwrap();
    let (compared, _) = built(&evo, "site");
    assert_eq!((&compared["written"], &compared["removed"]), (&0.into(), &0.into()));
    // One more table, one less view, and what names them.
    evo.db.sql("create table core.one_more (id int); drop materialized view reports.kept");
    let (third, _) = built(&evo, "site");
    assert_eq!(third["removed"], 1);
    let after = files(&site);
    let pages = |files: &BTreeMap<String, (String, SystemTime)>| files.keys().cloned().collect::<BTreeSet<_>>();
    let new: Vec<_> = pages(&after).difference(&pages(&before)).cloned().collect();
    assert!(new.len() == 1 && new[0].starts_with("tables/core.one_more-"), "{new:?}");
    let runs = |files: &BTreeMap<String, (String, SystemTime)>| {
        files
            .iter()
            .filter(|(name, _)| name.starts_with("runs/"))
            .map(|(n, f)| (n.clone(), f.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(runs(&after), runs(&before), "what has not changed is not written");
}

#[test]
fn the_number_of_queries_does_not_depend_on_the_number_of_tables() {
    let evo = warehouse();
    let queries = |args: &[&str]| {
        let proxy = Proxy::before(&evo.db);
        let out = Run::from(evo.command_at(&proxy.url(&evo.db), args).output().unwrap());
        out.exits(0);
        proxy.count(EXECUTE)
    };
    let before = queries(&["catalog", "--out", "a"]);
    let many: String = (0..200).map(|i| format!("create table core.many_{i} (id int primary key, a text);")).collect();
    evo.db.sql(&many);
    assert_eq!(queries(&["catalog", "--out", "b"]), before);
    let quick = queries(&["catalog", "--out", "c", "--quick"]);
    assert!(quick < before, "{quick} {before}");
    // A cluster is asked for sizes and statistics of its shards, in ten queries more.
    if cluster::is_cluster() {
        return;
    }
    // Those of every command, which open the warehouse, included.
    assert!(before <= 24, "{before}");
    let opening = queries(&["objects", "lakes"]);
    assert!(before - opening <= 20, "{before} with {opening} to open the warehouse");
}

#[test]
fn what_has_changed_is_noticed_without_reading_everything() {
    let evo = warehouse();
    // One for all of them: the events for other programs name the server's address.
    let proxy = Proxy::before(&evo.db);
    let queries = || {
        let before = proxy.count(EXECUTE);
        let args = ["catalog", "--out", "site"];
        Run::from(evo.command_at(&proxy.url(&evo.db), &args).output().unwrap()).exits(0);
        proxy.count(EXECUTE) - before
    };
    // Statistics of sessions that have just ended may arrive late.
    let first = queries();
    let settled = (0..50).map(|_| queries()).find(|n| *n < first).expect("nothing changes any more");
    assert!(settled + 15 < first, "{settled} {first}");
    for change in [
        "comment on column core.evo_sales.sale_id is 'new'",
        "alter table core.evo_branches add column mine int",
        "drop materialized view reports.kept",
        "analyze core.evo_entries",
        "delete from core.evo_prospects",
        "update evo.rejects set resolved_at = now()",
        "create function reports.f() returns bigint language sql begin atomic select count(*) from core.evo_sales; end",
    ] {
        evo.db.sql(&format!("{change}; select pg_stat_force_next_flush()"));
        assert!((0..50).any(|_| queries() > settled), "{change}");
        assert!((0..50).any(|_| queries() == settled), "{change}: settled again");
    }
    std::fs::remove_file(evo.dir.path().join("site/index.html")).unwrap();
    assert!(queries() > settled);
    assert!(evo.dir.path().join("site/index.html").exists());
}

#[test]
fn no_name_becomes_markup_script_or_path() {
    let evo = warehouse();
    let (_, site) = built(&evo, "site");
    for (name, (text, _)) in files(&site) {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c)), "{name}");
        assert!(!text.contains('\u{202e}') || name.ends_with("json") || name == "search.js", "{name}");
        if name.ends_with(".html") {
            assert_eq!(text.matches("<script").count(), 1, "{name}: one script, that of the site");
            assert!(!text.contains("<img") && !text.contains(" onerror=alert") || text.contains("&lt;img"), "{name}");
            assert!(!text.contains(" onmouseover='") && !text.contains("style=\""), "{name}");
            assert!(text.contains("script-src 'self'"), "{name} has a policy");
        }
        if name == "search.js" {
            assert!(!text.contains("</script") && text.lines().count() > 30, "{name}");
        }
    }
    assert!(!evo.dir.path().join("etc").exists());
}

#[test]
fn no_value_of_a_table_is_on_any_page() {
    let evo = warehouse();
    evo.db.sql(
        "update core.evo_members set first_name = 'Zzyzx-the-value' where member_id % 2 = 0;
         analyze core.evo_members;
         update evo.rejects set line = 'Zzyzx-the-value';
         update evo.issues set raw_value = 'Zzyzx-the-value', key_text = 'Zzyzx-the-value' || issue_id",
    );
    // Those of a cluster are on its shards.
    if !cluster::is_cluster() {
        let common = evo.db.one("select count(*) from pg_stats where most_common_vals::text like '%Zzyzx%'");
        assert_ne!(common, "0", "the statistics have it");
    }
    let (_, site) = built(&evo, "site");
    for (name, (text, _)) in files(&site) {
        assert!(!text.contains("Zzyzx"), "{name}");
    }
}

#[test]
fn the_document_for_programs_has_paths_casts_and_readers() {
    let evo = warehouse();
    let (_, site) = built(&evo, "site");
    let catalog: Value = serde_json::from_str(&std::fs::read_to_string(site.join("catalog.json")).unwrap()).unwrap();
    let find = |list: &str, field: &str, name: &str| {
        let found = catalog[list].as_array().unwrap().iter().find(|entry| entry[field] == name);
        found.unwrap_or_else(|| panic!("no {name} in {list}")).clone()
    };
    let sales = find("tables", "table", "evo_sales");
    let column = |name: &str| {
        sales["columns"].as_array().unwrap().iter().find(|column| column["column"] == name).unwrap().clone()
    };
    assert_eq!(column("branch_id")["json_paths"], serde_json::json!(["idBranch"]));
    assert_eq!(column("branch_id")["casts"], serde_json::json!(["bigint"]));
    assert_eq!(column("branch_id")["dimensions"], serde_json::json!(["branches"]));
    assert_eq!(column("sale_id")["filled_estimate"], 1.0);
    let rows: i64 = evo.db.one("select count(*) from core.evo_sales").parse().unwrap();
    assert_eq!((&sales["rows_estimate"], &column("sale_id")["distinct_estimate"]), (&rows.into(), &rows.into()));
    let readers: BTreeSet<(String, String)> = sales["read_by"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reader| (reader["name"].as_str().unwrap().to_owned(), reader["column"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [("revenue", "sale_date"), ("revenue", "sale_id")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(readers, BTreeSet::from(expected));
    let revenue = find("tables", "table", "revenue");
    assert_eq!((&revenue["kind"], &revenue["read_by"][0]["name"]), (&"view".into(), &"kept".into()));
    let members = find("tables", "table", "evo_members");
    assert!(
        members["read_by"].as_array().unwrap().iter().any(|r| r["kind"] == "function" && r["column"] == "branch_id")
    );
    let state = find("entities", "entity", "sales");
    let rejects: i64 =
        evo.db.one("select count(*) from evo.rejects where entity = 'sales' and resolved_at is null").parse().unwrap();
    assert_eq!(state["rejects_open"], rejects);
    let lines: i64 = evo.db.one("select sum(lines_count) from evo.batches where entity = 'sales'").parse().unwrap();
    let days: i64 = state["days"].as_array().unwrap().iter().map(|day| day["lines"].as_i64().unwrap()).sum();
    assert_eq!(days, lines);
    let attention = catalog["attention"].as_array().unwrap();
    assert!(attention.iter().any(|item| item["command"] == "evo rejects list sales"), "{attention:#?}");
}

#[test]
fn the_database_is_only_read_and_a_folder_of_somebody_else_is_left_alone() {
    let evo = warehouse();
    let content = || {
        sql(
            &evo.db.url,
            "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_all_tables where schemaname in ('evo', 'core', 'stg_evo')",
        )
    };
    evo.db.sql("select pg_stat_force_next_flush()");
    let before = content();
    evo.run(&["catalog"]).exits(0).says("index.html");
    assert!(evo.dir.path().join(".evo/catalog/index.html").exists(), "the default is in the state directory");
    assert_eq!(content(), before);
    std::fs::create_dir(evo.dir.path().join("mine")).unwrap();
    std::fs::write(evo.dir.path().join("mine/index.html"), "mine").unwrap();
    evo.run(&["catalog", "--out", "mine"]).exits(2).says("--out: mine has other files");
    assert_eq!(std::fs::read_to_string(evo.dir.path().join("mine/index.html")).unwrap(), "mine");
}

#[test]
fn a_warehouse_without_data_has_a_catalog_too() {
    let evo = Evo::new();
    let built = evo.json(&["catalog", "--out", "site"]);
    assert_eq!((&built["executions"], &built["attention"]), (&0.into(), &0.into()));
    let home = std::fs::read_to_string(evo.dir.path().join("site/index.html")).unwrap();
    assert!(home.contains("Nothing needs attention") && home.contains("never"), "{home}");
}
