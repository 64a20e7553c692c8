//! Who exists when, and who refers to whom: everything that must agree between documents, computed from an
//! index.

use crate::clock::{DAY, Moment, rush_hours};
use crate::entity::Entity;
use crate::names::Person;
use crate::places::BRANCHES;
use crate::plan::Plan;
use crate::prng::{Rng, hash, scale};
use crate::share::Portion;

/// The records that are new in one run, in the order of time: the first run's spread over the whole time of
/// the data, a later run's over one day.
#[derive(Debug, Clone, Copy)]
struct Cohort {
    first: u64,
    len: u64,
    start: Moment,
    seconds: u64,
}

/// One version of one record. Version 0 is an older one than the first that a run ends with; see
/// [`World::version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) entity: Entity,
    pub(crate) index: u64,
    pub(crate) version: u64,
}

/// The buyer of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buyer {
    /// The member at this index signs the contract with this number (from 0).
    Contract(u64, u64),
    /// The member at this index buys something else.
    Member(u64),
}

/// The plan, with the arithmetic over it.
#[derive(Debug)]
pub(crate) struct World {
    /// The plan that the world follows.
    pub(crate) plan: Plan,
    seed: u64,
}

impl World {
    /// The world of a plan that was checked.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), seed: hash([plan.seed]) }
    }

    /// A random stream named by `name` and `words`, for this seed.
    pub(crate) fn rng<const N: usize>(&self, name: &str, words: [u64; N]) -> Rng {
        Rng::of([self.key(name), hash(words)])
    }

    /// Whether the record at `index` is the one of about `n` neighbours to which a rare thing happens.
    pub(crate) fn rare(&self, name: &str, n: u64, index: u64) -> bool {
        Portion::one_in(n).rank([self.key(name)], index).is_some()
    }

    /// The rank of a record among those that `share` picks.
    pub(crate) fn rank(&self, name: &str, share: Portion, of: (Entity, u64), index: u64) -> Option<u64> {
        if share.is_zero() { None } else { share.rank([self.key(name), of.0 as u64, of.1], index) }
    }

    fn key(&self, name: &str) -> u64 {
        name.bytes().fold(self.seed, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The run (from 0) in which a record is new.
    pub(crate) fn born(&self, entity: Entity, index: u64) -> u64 {
        let first = self.plan.records.of(entity);
        if index < first { 0 } else { (index - first) / self.plan.added(entity).max(1) + 1 }
    }

    fn cohort(&self, entity: Entity, run: u64) -> Cohort {
        let start = Moment::midnight_of(self.plan.start_date);
        let end = Moment::midnight_of(self.plan.end_date).plus(DAY);
        match run {
            0 => Cohort { first: 0, len: self.plan.records.of(entity), start, seconds: (end.0 - start.0) as u64 },
            _ => Cohort {
                first: self.plan.total(entity, run - 1),
                len: self.plan.added(entity),
                start: end.plus_days(run as i64 - 1),
                seconds: DAY as u64,
            },
        }
    }

    /// When a record comes into being. Never falls while the index grows.
    pub(crate) fn moment(&self, entity: Entity, index: u64) -> Moment {
        let cohort = self.cohort(entity, self.born(entity, index));
        let place = index - cohort.first;
        let begin = cohort.begin_of(place);
        let width = (cohort.begin_of(place + 1).0 - begin.0) as u64;
        let own = rush_hours(begin.plus(scale(hash([self.seed, entity as u64, index]), width) as i64));
        match (entity, self.first_sale(index)) {
            // Nobody registers after buying the first contract, nor before the own place in the order.
            (Entity::Members, Some(sale)) => {
                own.min(self.moment(Entity::Sales, sale).plus(-420)).max(rush_hours(begin))
            }
            _ => own,
        }
    }

    /// The first index whose record comes into being at `moment` or later, among those of `run`.
    pub(crate) fn first_at(&self, entity: Entity, run: u64, moment: Moment) -> u64 {
        let (mut low, mut high) = (0, self.plan.total(entity, run));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.moment(entity, middle) < moment { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The version that `run` sees: 1 as it came into being, `n + 1` as it was changed before run `n`.
    pub(crate) fn version(&self, entity: Entity, index: u64, run: u64) -> u64 {
        let later = (self.born(entity, index) + 1)..=run;
        let changed = |run: &u64| self.rank("changed", self.plan.changed, (entity, *run), index).is_some();
        later.rev().find(changed).map_or(1, |run| run + 1)
    }

    /// Midnight of the day of the first run that sees this version.
    pub(crate) fn seen(&self, record: Record) -> Moment {
        let run = self.born(record.entity, record.index).max(record.version.saturating_sub(1));
        Moment::midnight_of(self.plan.first_run).plus_days(run as i64)
    }

    /// When a version was last touched: another moment for every version, after the record came into being.
    pub(crate) fn updated(&self, record: Record) -> Moment {
        let seen = self.seen(record);
        let mut rng = self.rng("updated", [record.entity as u64, record.index, record.version.max(1)]);
        if record.version > 1 {
            return seen.plus_days(-1).plus(rng.between(3_600, DAY as u64 - 1) as i64);
        }
        let created = self.moment(record.entity, record.index);
        let room = (seen.0 - DAY - created.0).max(0) as u64;
        created.plus(60 + rng.below(room) as i64 - if record.version == 0 { 30 } else { 0 })
    }

    /// How many members are registered when the record at `index` comes into being; at least 1.
    pub(crate) fn members_before(&self, entity: Entity, index: u64) -> u64 {
        self.registered_before(Entity::Members, entity, index)
    }

    /// How many of the indexes of `whom` come before the record at `index`; at least 1.
    pub(crate) fn registered_before(&self, whom: Entity, entity: Entity, index: u64) -> u64 {
        let run = self.born(entity, index);
        match run {
            0 => multiply_divide(index, self.plan.records.of(whom), self.plan.records.of(entity)).max(1),
            _ => self.plan.total(whom, run - 1),
        }
    }

    /// The member's first contract: the sale at the same place in time, if sales are not fewer than members
    /// there.
    pub(crate) fn first_sale(&self, member: u64) -> Option<u64> {
        let run = self.born(Entity::Members, member);
        let (members, sales) = (self.cohort(Entity::Members, run), self.cohort(Entity::Sales, run));
        let place = member - members.first;
        let sale = multiply_divide_up(place, sales.len, members.len);
        let valid = sale < sales.len && multiply_divide(sale, members.len, sales.len) == place;
        valid.then_some(sales.first + sale)
    }

    /// The sale of a member's contract with this number; the member has as many contracts as numbers in a row
    /// have one.
    pub(crate) fn contract_sale(&self, member: u64, number: u64) -> Option<u64> {
        if number == 0 {
            return self.first_sale(member);
        }
        if self.born(Entity::Members, member) > 0 || number > 2 || !self.rng("renewed", [member, number]).chance(68) {
            return None;
        }
        let (members, sales) = (self.cohort(Entity::Members, 0), self.cohort(Entity::Sales, 0));
        // A renewal comes a year later: it takes a place right after the first sale of the member who
        // registers then.
        let year = multiply_divide(members.len, 365 * DAY as u64, members.seconds);
        let then = member + number * year;
        let sale = multiply_divide_up(then, sales.len, members.len) + number;
        let free = year > 0 && then < members.len && sale < sales.len;
        if !free || multiply_divide(sale, members.len, sales.len) != then {
            return None;
        }
        (number == 1 || self.contract_sale(member, number - 1).is_some()).then_some(sale)
    }

    /// The buyer in the sale at `index`.
    pub(crate) fn buyer(&self, index: u64) -> Buyer {
        let run = self.born(Entity::Sales, index);
        let (members, sales) = (self.cohort(Entity::Members, run), self.cohort(Entity::Sales, run));
        if members.len > 0 {
            let place = multiply_divide(index - sales.first, members.len, sales.len);
            let number = index - sales.first - multiply_divide_up(place, sales.len, members.len);
            let year = multiply_divide(members.len, 365 * DAY as u64, members.seconds);
            let signer = place.checked_sub(number.saturating_mul(year)).map(|member| members.first + member);
            if let Some(member) = signer.filter(|m| self.contract_sale(*m, number) == Some(index)) {
                return Buyer::Contract(member, number);
            }
        }
        let known = self.members_before(Entity::Sales, index);
        Buyer::Member(self.rng("buyer", [index]).below(known))
    }

    /// The member that the prospect at `index` became.
    pub(crate) fn converted(&self, prospect: u64) -> Option<u64> {
        let (members, prospects) = (self.plan.records.of(Entity::Members), self.plan.records.of(Entity::Prospects));
        let member = multiply_divide_up(prospect + 1, members, prospects);
        (prospect < prospects && member < members && self.rng("converted", [prospect]).chance(25)).then_some(member)
    }

    /// Who a member or prospect is.
    pub(crate) fn person(&self, entity: Entity, index: u64) -> Person {
        match (entity, if entity == Entity::Prospects { self.converted(index) } else { None }) {
            (Entity::Prospects, Some(member)) => self.person(Entity::Members, member),
            _ => Person::of([self.seed, 0x7065_7273, entity as u64, index]),
        }
    }

    /// The branch, by index, where a member or prospect is at home.
    pub(crate) fn home(&self, entity: Entity, index: u64) -> u64 {
        // Branches differ in size: the smaller of two draws prefers those in front.
        let mut rng = self.rng("home", [entity as u64, index]);
        rng.below(BRANCHES).min(rng.below(BRANCHES))
    }

    /// The id that a record of `entity` has; unique, rising, with gaps as other tenants leave them.
    pub(crate) fn id(&self, entity: Entity, index: u64) -> u64 {
        let base = match entity {
            Entity::Members => 1_200_000,
            Entity::Sales => 9_000_000,
            Entity::Entries => 0,
            Entity::Prospects => 610_000,
        };
        base + 2 * index + (hash([self.seed, 0x6964, entity as u64, index]) & 1)
    }
}

impl Cohort {
    /// Where the time of the record at `place` begins, before rush hours.
    fn begin_of(&self, place: u64) -> Moment {
        self.start.plus(multiply_divide(place, self.seconds, self.len.max(1)) as i64)
    }
}

/// `a × b / c`, rounded down.
fn multiply_divide(a: u64, b: u64, c: u64) -> u64 {
    (u128::from(a) * u128::from(b) / u128::from(c.max(1))) as u64
}

/// `a × b / c`, rounded up.
fn multiply_divide_up(a: u64, b: u64, c: u64) -> u64 {
    (u128::from(a) * u128::from(b)).div_ceil(u128::from(c.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn world(members: u64, sales: u64, runs: u64) -> World {
        let mut plan = Plan { runs, new: Portion::percent(10), ..Plan::default() };
        plan.records.set(Entity::Members, members);
        plan.records.set(Entity::Sales, sales);
        World::new(&plan)
    }

    #[test]
    fn time_never_runs_backwards_while_the_index_grows() {
        for (members, sales) in [(500, 2_000), (500, 100), (1, 1), (3, 1_000)] {
            let world = world(members, sales, 4);
            for entity in Entity::ALL {
                let moments: Vec<Moment> = (0..world.plan.total(entity, 3)).map(|i| world.moment(entity, i)).collect();
                assert!(moments.is_sorted(), "{entity} {members} {sales}");
                assert!(moments[0] >= Moment::midnight_of(world.plan.start_date));
                let end = Moment::midnight_of(world.plan.end_date);
                assert!(moments[moments.len() - 1] < end.plus(4 * DAY));
            }
        }
    }

    #[test]
    fn a_contract_and_its_sale_name_each_other() {
        for (members, sales) in [(500, 2_000), (500, 500), (500, 100), (7, 1_000)] {
            let world = world(members, sales, 3);
            let mut contracts = HashMap::new();
            for member in 0..world.plan.total(Entity::Members, 2) {
                for number in (0..3).take_while(|n| *n == 0 || world.contract_sale(member, *n).is_some()) {
                    if let Some(sale) = world.contract_sale(member, number) {
                        assert_eq!(contracts.insert(sale, (member, number)), None);
                        assert!(world.moment(Entity::Members, member) <= world.moment(Entity::Sales, sale));
                    }
                }
            }
            let mut signed = 0;
            for sale in 0..world.plan.total(Entity::Sales, 2) {
                match world.buyer(sale) {
                    Buyer::Contract(member, number) => {
                        signed += 1;
                        assert_eq!(contracts.get(&sale), Some(&(member, number)));
                    }
                    Buyer::Member(member) => assert!(member < world.plan.total(Entity::Members, 2)),
                }
            }
            assert_eq!(signed, contracts.len(), "{members} {sales}");
            assert!(members < 500 || sales < 2_000 || contracts.values().any(|(_, number)| *number == 2));
        }
    }

    #[test]
    fn a_version_names_the_last_run_that_changed_the_record() {
        let world = world(1_000, 1_000, 3);
        let versions = |run| (0..1_000).map(move |i| (i, run)).map(|(i, run)| world.version(Entity::Sales, i, run));
        assert!(versions(0).all(|version| version == 1));
        assert_eq!(versions(1).filter(|version| *version == 2).count(), 20);
        assert_eq!(versions(2).filter(|version| *version == 3).count(), 20);
        assert!((18..=20).contains(&versions(2).filter(|version| *version == 2).count()));
        assert_eq!(world.version(Entity::Sales, 1_150, 2), 1, "new in run 2");
    }

    #[test]
    fn every_version_was_touched_at_a_moment_of_its_own() {
        let world = world(1_000, 1_000, 5);
        for index in [0, 17, 999, 1_000, 1_050, 1_250] {
            let touched = |version| world.updated(Record { entity: Entity::Members, index, version });
            let born = world.born(Entity::Members, index);
            assert!(touched(0) >= world.moment(Entity::Members, index));
            assert!(touched(0) < touched(1) && touched(1) < touched(born + 2) && touched(born + 2) < touched(born + 3));
        }
    }

    #[test]
    fn windows_are_found_by_their_first_moment() {
        let world = world(1_000, 1_000, 2);
        let day = Moment::midnight_of(world.plan.start_date).plus_days(200);
        let first = world.first_at(Entity::Sales, 1, day);
        assert!(world.moment(Entity::Sales, first) >= day && world.moment(Entity::Sales, first - 1) < day);
        let end = Moment::midnight_of(world.plan.end_date).plus_days(1);
        assert_eq!(world.first_at(Entity::Sales, 1, end), 1_000, "what is new comes after the data of the first run");
    }
}
