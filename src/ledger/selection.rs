//! Which objects a load is about.

use chrono::NaiveDate;

use crate::ids::{LakeId, ObjectId};

/// The objects that a load is about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The lake that holds them.
    pub lake: LakeId,
    /// Only objects of this run; `None` for all runs.
    pub run_id: Option<String>,
    /// Only objects with this ingestion date or a later one; `None` for all dates.
    pub since: Option<NaiveDate>,
    /// Which objects are loaded again.
    pub again: Again,
    /// The objects that [`Again::Named`] loads again, and nothing else.
    pub objects: Vec<ObjectId>,
}

/// Which loaded or quarantined objects are loaded again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Again {
    /// No object.
    #[default]
    No,
    /// Every object of the selection.
    All,
    /// Those with open rejects, and no other object at all.
    Rejected,
    /// Those that [`Selection::objects`] lists, and no other object at all.
    Named,
}
