//! The recommendation for a table, and the reasons.

use crate::report::units;
use crate::storage::{StorageReport, TableStorage};

/// Dead tuples from which a vacuum is worthwhile: this many, and this share of the table.
const DEAD_TUPLES: u64 = 500;
const DEAD_SHARE: f64 = 0.10;
/// Bloat from which a rebuild is worthwhile: this much, and this share.
const NOTABLE_BYTES: u64 = 8 << 20;
const NOTABLE_SHARE: f64 = 0.30;

/// The maintenance that would help a table.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) vacuum: bool,
    pub(super) reindex: bool,
    /// A new generation: only that returns the space inside a core table.
    pub(super) full_refresh: bool,
    /// The reasons, a phrase each.
    pub(super) reasons: Vec<String>,
}

impl Advice {
    /// The advice for a table with its partitions added up; `is_core` if a transform can rebuild it.
    pub(super) fn about(table: &TableStorage, report: &StorageReport, is_core: bool) -> Self {
        let mut advice = Self::default();
        let invalid = report.invalid().iter().filter(|i| i.parent == table.parent).count();
        if invalid > 0 {
            advice.reindex = true;
            advice.reasons.push(units::counted(invalid as u64, "INVALID index", "INVALID indexes"));
        }
        if let Some(bloat) = report.index_bloat(&table.parent).map(|b| b.bytes)
            && notable(bloat, table.index_bytes)
        {
            advice.reindex = true;
            advice.reasons.push(format!("{} of its indexes is free space", units::bytes(bloat)));
        }
        let leaves = || report.tables.iter().filter(|leaf| leaf.parent == table.parent);
        if let Some(worst) = leaves()
            .filter(|leaf| leaf.dead_tuples >= DEAD_TUPLES && leaf.dead_share() >= DEAD_SHARE)
            .max_by(|a, b| a.dead_share().total_cmp(&b.dead_share()))
        {
            advice.vacuum = true;
            let share = units::share(worst.dead_share());
            advice.reasons.push(format!("{share} of the rows of {} are dead", worst.name));
        } else if let Some(leaf) = leaves().find(|leaf| leaf.live_tuples >= DEAD_TUPLES && leaf.last_analyze.is_none())
        {
            advice.vacuum = true;
            advice.reasons.push(format!("{} was never analyzed, so that the planner guesses", leaf.name));
        }
        if let Some(bloat) = table.bloat
            && is_core
            && notable(bloat.bytes, table.heap_bytes + table.toast_bytes)
        {
            advice.full_refresh = true;
            advice.reasons.push(format!("{} of it is free space", units::bytes(bloat.bytes)));
        }
        advice
    }

    /// The command to type; `None` when there is nothing to do. `entity` is the table's, `None` for one of
    /// evo's own.
    pub(super) fn command(&self, entity: Option<&str>) -> Option<String> {
        let flags = [(self.vacuum, " --vacuum"), (self.reindex, " --reindex")];
        let flags: String = flags.iter().filter(|(wanted, _)| *wanted).map(|(_, flag)| *flag).collect();
        let entity = entity.map(|e| format!(" {e}")).unwrap_or_default();
        match (self.full_refresh, flags.is_empty()) {
            // A new generation has no dead rows, and new indexes.
            (true, _) => Some(format!("evo transform{entity} --full-refresh")),
            (false, false) => Some(format!("evo optimize-storage{entity}{flags}")),
            (false, true) => None,
        }
    }
}

fn notable(part: u64, whole: u64) -> bool {
    part >= NOTABLE_BYTES && part as f64 >= whole as f64 * NOTABLE_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Bloat;

    fn leaf(name: &str, live: u64, dead: u64) -> TableStorage {
        TableStorage {
            parent: "core.t".into(),
            name: name.into(),
            heap_bytes: 100 << 20,
            live_tuples: live,
            dead_tuples: dead,
            last_analyze: Some("2026-01-01 00:00".into()),
            may_vacuum: true,
            bloat: Some(Bloat::default()),
            ..TableStorage::default()
        }
    }

    fn advice(leaves: Vec<TableStorage>, is_core: bool) -> Advice {
        let report = StorageReport { tables: leaves, ..StorageReport::default() };
        Advice::about(&report.by_parent()[0], &report, is_core)
    }

    #[test]
    fn one_partition_full_of_dead_rows_is_enough_and_ten_dead_rows_are_not() {
        let bad = advice(vec![leaf("core.t_1", 1_000_000, 0), leaf("core.t_2", 1_000, 900)], true);
        assert_eq!(bad.command(Some("sales")).unwrap(), "evo optimize-storage sales --vacuum");
        assert_eq!(bad.reasons, ["47 % of the rows of core.t_2 are dead"]);
        assert_eq!(advice(vec![leaf("core.t_1", 10, 10)], true).command(Some("sales")), None);
    }

    #[test]
    fn statistics_that_were_never_gathered_ask_for_a_vacuum() {
        let never = TableStorage { last_analyze: None, ..leaf("core.t", 1_000, 0) };
        assert_eq!(advice(vec![never], true).command(None).unwrap(), "evo optimize-storage --vacuum");
    }

    #[test]
    fn space_inside_a_core_table_is_returned_by_a_new_generation() {
        let airy =
            TableStorage { bloat: Some(Bloat { bytes: 60 << 20, is_measured: true }), ..leaf("core.t", 1_000, 0) };
        assert_eq!(
            advice(vec![airy.clone()], true).command(Some("sales")).unwrap(),
            "evo transform sales --full-refresh"
        );
        assert_eq!(advice(vec![airy], false).command(Some("sales")), None, "staging reuses its free space");
    }
}
