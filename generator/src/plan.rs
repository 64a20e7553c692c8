//! The plan of a lake, its defaults and what it refuses.

use chrono::{Days, NaiveDate};

use crate::entity::{Entity, Records};
use crate::error::{Error, Result};
use crate::share::Portion;

/// The plan of a lake. The bytes of every object follow from it alone: not from the machine, the number of
/// threads or the time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The entities to write; the others exist only as ids that are referred to.
    pub entities: Vec<Entity>,
    /// Number of records in the first run.
    pub records: Records,
    /// Another seed gives other records.
    pub seed: u64,
    /// Extractions of each entity, a day apart. The first holds everything there is on its day.
    pub runs: u64,
    /// Share of the records of a later run that are not as they were in the run before.
    pub changed: Portion,
    /// Records that a later run adds, as a share of the first run.
    pub new: Portion,
    /// Share of the records that come twice in a run: an older version first.
    pub duplicates: Portion,
    /// Lines that cannot be staged, as a share of the records. Each is a mangled copy, written before its
    /// record.
    pub broken: Portion,
    /// Share of the records with one value that does not fit the type of its column.
    pub misfits: Portion,
    /// Records of a full object instead of [`Entity::part_records`].
    pub part_records: Option<u64>,
    /// First day of the data.
    pub start_date: NaiveDate,
    /// Last day of the data of the first run; each later run adds a day.
    pub end_date: NaiveDate,
    /// Day of the first run.
    pub first_run: NaiveDate,
    /// Runs begin before midnight and end after it: one `run_id`, two `ingestion_date` folders.
    pub split_midnight: bool,
    /// Later runs hold only what is changed or new.
    pub only_changed: bool,
    /// Pads the documents to this size with prose.
    pub document_bytes: Option<usize>,
    /// Compression of the objects, 1 to 9.
    pub gzip_level: u32,
    /// Ends each run of members, sales and entries with a `_manifest.json`.
    pub manifest: bool,
    /// Replaces objects that exist with other content.
    pub force: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        Self {
            entities: Entity::ALL.to_vec(),
            records: Records::default(),
            seed: 1,
            runs: 1,
            changed: Portion::percent(2),
            new: Portion::percent(1),
            duplicates: Portion::default(),
            broken: Portion::default(),
            misfits: Portion::default(),
            part_records: None,
            start_date: date(2023, 1, 1),
            end_date: date(2025, 12, 31),
            first_run: date(2026, 1, 10),
            split_midnight: false,
            only_changed: false,
            document_bytes: None,
            gzip_level: 6,
            manifest: true,
            force: false,
        }
    }
}

impl Plan {
    /// Refuses what has no meaning.
    ///
    /// # Errors
    /// [`Error::Plan`], naming the flag.
    pub fn check(&self) -> Result<()> {
        let bad = |message: String| Err(Error::Plan { message, hint: None });
        for entity in Entity::ALL {
            if self.records.of(entity) == 0 {
                return bad(format!("--records must be at least 1, for {entity} too: the others refer to them"));
            }
            if self.records.of(entity) > 1_000_000_000 {
                return bad(format!("--records of {entity} is over a thousand million"));
            }
        }
        if self.runs == 0 || self.runs > 1_000 {
            return bad(format!("--runs {} is not between 1 and 1000", self.runs));
        }
        if self.part_records == Some(0) {
            return bad("--part-records must be at least 1".into());
        }
        if !(1..=9).contains(&self.gzip_level) {
            return bad(format!("--gzip-level {} is not between 1 and 9", self.gzip_level));
        }
        if self.end_date < self.start_date {
            return bad(format!("--end-date {} lies before --start-date {}", self.end_date, self.start_date));
        }
        if self.first_run <= self.end_date {
            let message = format!("--first-run {} does not lie after --end-date {}", self.first_run, self.end_date);
            return Err(Error::Plan { message, hint: Some("an extraction holds only what has already happened") });
        }
        let limit = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        if self.start_date < limit(1950) || self.first_run + Days::new(self.runs) > limit(9000) {
            return bad("--start-date and --first-run must lie between 1950 and 9000".into());
        }
        Ok(())
    }

    /// Records that each later run adds.
    pub fn added(&self, entity: Entity) -> u64 {
        if self.runs > 1 { self.new.of(self.records.of(entity)) } else { 0 }
    }

    /// Records that exist when `run` (from 0) is extracted.
    pub fn total(&self, entity: Entity, run: u64) -> u64 {
        self.records.of(entity) + run * self.added(entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_is_accepted_and_senseless_ones_name_the_flag() {
        assert!(Plan::default().check().is_ok());
        let refused = |change: fn(&mut Plan)| {
            let mut plan = Plan::default();
            change(&mut plan);
            plan.check().unwrap_err().message().to_owned()
        };
        assert!(refused(|p| p.records.set(Entity::Sales, 0)).contains("--records"));
        assert!(refused(|p| p.runs = 0).contains("--runs 0"));
        assert!(refused(|p| p.part_records = Some(0)).contains("--part-records"));
        assert!(refused(|p| p.gzip_level = 10).contains("--gzip-level 10"));
        assert!(refused(|p| p.end_date = p.start_date - Days::new(1)).contains("--end-date"));
        assert!(refused(|p| p.first_run = p.end_date).contains("--first-run"));
        assert!(refused(|p| p.start_date = NaiveDate::MIN).contains("--start-date"));
    }
}
