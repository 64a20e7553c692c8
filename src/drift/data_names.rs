//! Objects whose names are data, ids for example: nobody can say which of them are fields.

use std::collections::{BTreeMap, BTreeSet};

use super::counts::FieldCounts;
use super::known::KnownFields;
use super::place::MAX_NAMES;

/// Objects with many names, in the documents that are known and in new ones.
pub(super) struct DataNames<'a> {
    before: &'a FieldCounts,
    now: &'a FieldCounts,
    /// More names than a record has fields, and documents hardly repeat them.
    data: BTreeSet<&'a str>,
    /// More names than are recorded one by one, but documents repeat them: a wide record.
    wide: BTreeSet<&'a str>,
}

impl<'a> DataNames<'a> {
    pub(super) fn of(known: &KnownFields, before: &'a FieldCounts, now: &'a FieldCounts) -> Self {
        let mut found = Self { before, now, data: BTreeSet::new(), wide: BTreeSet::new() };
        let mut names: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        let only_now = now.fields().filter(|(path, _)| before.get(path).is_none());
        for (path, field) in before.fields().chain(only_now).filter(|(_, field)| field.is_named) {
            let (repeated, rare) = names.entry(FieldCounts::parent(path, field)).or_default();
            let is_repeated = found.is_repeated(path, before) || found.is_repeated(path, now);
            *(if is_repeated { repeated } else { rare }) += 1;
        }
        for (object, (repeated, rare)) in names {
            if rare > MAX_NAMES || known.is_crowded(object) && repeated <= MAX_NAMES {
                found.data.insert(object);
            } else if known.is_crowded(object) {
                found.wide.insert(object);
            }
        }
        found
    }

    /// Whether documents repeat a name: a tenth of these have it, and more than one of all.
    fn is_repeated(&self, path: &str, of: &FieldCounts) -> bool {
        let documents = |of: &FieldCounts| of.get(path).map_or(0, |field| field.documents);
        let is_alone = documents(self.before) + documents(self.now) <= 1;
        !is_alone && documents(of) > 0 && documents(of) * 10 >= of.documents()
    }

    /// The outermost object in which this field, or what contains it, has a name that may be data. `None` for
    /// a field that can be told from others.
    pub(super) fn object_of(&self, path: &'a str) -> Option<&'a str> {
        let (mut at, mut outermost) = (path, None);
        while !at.is_empty()
            && let Some(field) = self.before.get(at).or_else(|| self.now.get(at))
        {
            let object = FieldCounts::parent(at, field);
            if field.is_named && self.may_be_data(object, at) {
                outermost = Some(object);
            }
            at = object;
        }
        outermost
    }

    fn may_be_data(&self, object: &str, name: &str) -> bool {
        let is_wide = self.wide.contains(object);
        match self.data.contains(object) {
            true => !self.is_repeated(name, self.before),
            // Rare names of a wide record are not recorded: one that the sample lacks need not be new.
            false => is_wide && self.before.get(name).is_none() && !self.is_repeated(name, self.now),
        }
    }

    /// The objects whose names are data and in none of which another one lies.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'a str> {
        self.data.iter().copied().filter(|object| self.object_of(object).is_none())
    }
}
