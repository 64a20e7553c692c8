//! Each corruption of staging and core, planted, found, located and repaired.

use super::{content, deep_is_clean, found, mismatches, sales, with_a_past};
use crate::support::{Dice, Evo, cluster, object};

/// A corruption, by the SQL that makes it.
struct Corruption {
    /// `KEY` is the key of a sale that has items, `LATE` one whose row came from the newest run.
    sql: &'static str,
    /// Kinds, tables and keys that a deep verification finds.
    deep: &'static [&'static str],
    /// Kinds that a quick one finds; empty if only a deep one sees it.
    quick: &'static [&'static str],
}

const CORRUPTIONS: [Corruption; 12] = [
    Corruption {
        sql: "delete from stg_evo.sales_raw where sale_id = KEY",
        deep: &["row-missing KEY"],
        quick: &["row-count", "core-added"],
    },
    Corruption {
        sql: "update stg_evo.sales_raw set raw_data = raw_data || '{\"idBranch\": 77}' where sale_id = KEY",
        deep: &["row-altered KEY"],
        quick: &["row-altered"],
    },
    Corruption {
        sql: "update stg_evo.sales_raw set _content_hash = md5('x')::uuid where sale_id = LATE",
        deep: &["row-altered LATE"],
        quick: &["row-altered"],
    },
    Corruption {
        sql: "update stg_evo.sales_raw set raw_data = raw_data - 'saleDate', _content_hash = null where sale_id = LATE",
        deep: &["row-altered LATE"],
        quick: &["row-altered"],
    },
    Corruption {
        sql: "insert into stg_evo.sales_raw
              select 900000001, raw_data, _source_file, run_id, ingestion_date, _loaded_at, _updated_at, _source_line,
                     _content_hash, _batch_id from stg_evo.sales_raw where sale_id = KEY",
        deep: &["row-added 900000001"],
        quick: &["row-added"],
    },
    Corruption {
        sql: "insert into stg_evo.sales_raw (sale_id, raw_data) values (900000002, '{\"idSale\": 900000002}')",
        deep: &["row-added 900000002"],
        quick: &["row-added"],
    },
    Corruption {
        sql: "update stg_evo.sales_raw s set raw_data = jsonb_build_object('idSale', sale_id), _content_hash = md5('old')::uuid,
                  run_id = o.run_id, ingestion_date = o.ingestion_date, _source_file = o.path, _source_line = 1,
                  _batch_id = o.batch_id
              from (select * from evo.objects where state = 'loaded' order by ingestion_date, path limit 1) o
              where s.sale_id = LATE",
        deep: &["row-outdated LATE", "row-added LATE"],
        quick: &["row-added"],
    },
    Corruption {
        sql: "update core.evo_sales set branch_id = -5, sale_date = null where sale_id = KEY",
        deep: &["core-differs core.evo_salesKEY"],
        quick: &[],
    },
    Corruption {
        sql: "delete from core.evo_sale_items where sale_id = KEY",
        deep: &["core-missing core.evo_sale_itemsKEY"],
        quick: &["core-missing"],
    },
    Corruption {
        sql: "delete from core.evo_sales where sale_id = KEY",
        deep: &["core-missing core.evo_salesKEY"],
        quick: &["core-missing"],
    },
    Corruption {
        sql: "insert into core.evo_receivables (sale_id, receivable_id) values (KEY, -1)",
        deep: &["core-added core.evo_receivablesKEY,-1"],
        quick: &["core-added"],
    },
    Corruption {
        sql: "insert into core.evo_sales (sale_id) values (900000003)",
        deep: &["core-added core.evo_sales900000003"],
        quick: &["core-added"],
    },
];

struct Keys {
    key: String,
    late: String,
}

impl Keys {
    fn of(evo: &Evo) -> Self {
        let one = |sql: &str| evo.db.one(sql);
        Self {
            key: one("select min(sale_id) from core.evo_sale_items"),
            late: one(
                "select min(sale_id) from stg_evo.sales_raw where run_id = (select max(run_id) from stg_evo.sales_raw)",
            ),
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("KEY", &self.key).replace("LATE", &self.late)
    }
}

/// Plants one corruption after the other in a warehouse with a past; each is found, located and repaired.
fn plant(corruptions: &[&Corruption]) {
    let evo = with_a_past();
    let (before, keys) = (content(&evo), Keys::of(&evo));
    for Corruption { sql, deep, quick } in corruptions {
        let sql = keys.fill(sql);
        evo.db.sql(&sql);
        let quickly = sales(&evo, &[]);
        // On a cluster every row is read also then, and more is known than that a count is wrong.
        for kind in quick.iter().filter(|_| !cluster::is_cluster()) {
            assert!(found(&quickly).iter().any(|what| what.starts_with(kind)), "{sql}: {kind} in {quickly:#}");
        }
        assert_eq!(quick.is_empty(), found(&quickly).is_empty(), "{sql}: {quickly:#}");
        let deeply = sales(&evo, &["--deep"]);
        for (what, place) in mismatches(&deeply) {
            let is_expected = deep.iter().any(|expected| what.starts_with(&keys.fill(expected)));
            assert!(is_expected, "{sql}: {what} in {deeply:#}");
            // What belongs to a document names its line.
            let has_line = what.starts_with("row-added") || what.starts_with("core-added") || place.contains(" line ");
            assert!(has_line, "{sql}: {what} at {place:?}");
        }
        assert!(!found(&deeply).is_empty(), "{sql}");
        assert_ne!(content(&evo), before, "{sql}");
        evo.run(&["verify", "sales", "--deep", "--repair"]).exits(0).says("repaired");
        deep_is_clean(&evo);
        assert_eq!(content(&evo), before, "{sql}");
        evo.run(&["check", "sales", "--only", "ledger"]).exits(0);
    }
}

#[test]
fn each_corruption_is_found_located_and_repaired_after_increments_refreshes_and_replays() {
    plant(&CORRUPTIONS.iter().collect::<Vec<_>>());
}

#[test]
fn corruptions_are_found_located_and_repaired_in_any_order() {
    let mut dice = Dice(24);
    let mut left: Vec<&Corruption> = CORRUPTIONS.iter().collect();
    let shuffled = std::iter::repeat_with(|| left.swap_remove(dice.index(left.len()))).take(CORRUPTIONS.len() / 2);
    plant(&shuffled.collect::<Vec<_>>());
}

#[test]
fn rows_as_loads_wrote_them_need_no_reading_also_when_their_objects_were_loaded_again() {
    if cluster::is_left_out("there every row is read, because its transaction on a shard is not that of the ledger") {
        return;
    }
    let evo = with_a_past();
    let quick = sales(&evo, &[]);
    let numbers = ["rewritten_rows", "unread_rows", "unprovable_rows", "objects"].map(|field| quick[field].as_u64());
    assert_eq!(numbers, [Some(0); 4], "{quick:#}");
    // A ledger that does not know which transaction wrote them says so, and their objects are read.
    evo.db.sql("update evo.batches set written_by = null");
    let quick = sales(&evo, &[]);
    assert_eq!((&quick["rewritten_rows"], found(&quick).len()), (&quick["staging_rows"], 0), "{quick:#}");
    assert!(quick["values_compared"].as_u64() > Some(0), "{quick:#}");
}

#[test]
fn a_quick_repair_goes_deep_where_staging_is_wrong() {
    let evo = with_a_past();
    let (before, keys) = (content(&evo), Keys::of(&evo));
    evo.db.sql(&keys.fill("delete from stg_evo.sales_raw where sale_id in (KEY, LATE)"));
    evo.db.sql(&keys.fill("update core.evo_sale_items set item = 'x' where sale_id = KEY"));
    evo.run(&["verify", "--repair"]).exits(0);
    deep_is_clean(&evo);
    assert_eq!(content(&evo), before);
    let run = evo.db.sql("select command, state, exit_code from evo.runs order by started_at desc limit 1");
    assert_eq!(run, [["verify", "succeeded", "0"]]);
}

#[test]
fn many_corruptions_at_once_are_repaired_together() {
    let evo = with_a_past();
    let before = content(&evo);
    evo.db.sql(
        "delete from stg_evo.sales_raw where sale_id % 5 = 0;
         update stg_evo.sales_raw set raw_data = raw_data || '{\"x\": 1}' where sale_id % 5 = 1;
         insert into stg_evo.sales_raw (sale_id, raw_data) select 900000000 + n, '{}' from generate_series(1, 20) n;
         delete from core.evo_sales where sale_id % 7 = 0;
         update core.evo_receivables set amount = 0",
    );
    evo.run(&["verify", "sales", "--deep", "--repair"]).exits(0);
    deep_is_clean(&evo);
    assert_eq!(content(&evo), before);
}

#[test]
fn a_row_is_held_against_its_own_line_whatever_a_version_of_another_object_has_seen() {
    let (evo, line) = (Evo::new(), r#"{"idSale": 8, "v": 1}"#);
    let load = || evo.run(&["load", "sales"]).exits(0);
    let (first, second) = (object("sales", "20260110T000000Z", "a").path(), object("sales", "20260111T000000Z", "a"));
    object("sales", "20260110T000000Z", "a").lines(&evo.lake(), &[line, r#"{"idSale": 9, "v": 1}"#]);
    load();
    second.lines(&evo.lake(), &[line]);
    load();
    second.lines(&evo.lake(), &[r#"{"idSale": 9, "v": 2}"#]);
    load();
    deep_is_clean(&evo);
    evo.db.sql("update stg_evo.sales_raw set _content_hash = md5('x')::uuid where sale_id = 8");
    for args in [&[][..], &["--deep"]] {
        assert_eq!(mismatches(&sales(&evo, args)), [("row-altered 8".to_owned(), format!("{first} line 1"))]);
    }
    evo.run(&["verify", "sales", "--repair"]).exits(0).says("repaired");
    deep_is_clean(&evo);
}
