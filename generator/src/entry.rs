//! Documents of entries: the turnstile log, in the shape of `GET /api/v1/entries`.

use crate::clock::digits;
use crate::doc::{Doc, Misfit, Null, Or, Padded, Quoted, open, put};
use crate::entity::Entity;
use crate::places::{self, BRANCHES, STAFF};
use crate::prng::{GOLDEN, scale};
use crate::world::{Record, World};

/// The person who passes.
enum Who {
    Member(u64),
    Prospect(u64),
    Employee(u64),
}

/// Appends the document of `record`.
pub(crate) fn write(world: &World, doc: &mut Doc, record: Record) {
    let mut rng = world.rng("entry", [record.index]);
    let (who, moment) = (who(world, record.index), world.moment(Entity::Entries, record.index));
    let branch = places::branch(match who {
        Who::Member(member) if rng.chance(90) => world.home(Entity::Members, member),
        Who::Prospect(prospect) => world.home(Entity::Prospects, prospect),
        Who::Employee(employee) => employee / STAFF,
        Who::Member(_) => rng.below(BRANCHES),
    });
    let (fraction, millis) = (rng.below(40) == 0, rng.below(1_000) as i64);
    let zone = rng.below(100);
    let zone = (zone < 92).then(|| branch.zone[usize::from(zone < 12)]);
    let turned = (rng.chance(96) || record.version != 1)
        .then(|| moment.plus(1 + ((rng.below(50) + record.version) % 50) as i64));
    open!(doc, "date": Quoted(|d: &mut Doc| {
            moment.append_to(&mut d.out);
            if fraction {
                let mut text = *b".000";
                digits(&mut text[1..], millis);
                d.out.extend_from_slice(&text);
            }
        }),
        "dateTurn": Or(Misfit::EmptyDate, Or(Misfit::AncientDate, Or(Misfit::NumberInDate, turned))),
        "timeZone": zone);
    passer(world, doc, &who);
    passage(world, doc, record, branch.id);
    doc.raw("}");
}

fn passer(world: &World, doc: &mut Doc, who: &Who) {
    let name = |entity, index| {
        let person = world.person(entity, index);
        Quoted(move |d: &mut Doc| person.full_name(d))
    };
    match *who {
        Who::Member(member) => put!(doc, "idMember": world.id(Entity::Members, member),
            "nameMember": name(Entity::Members, member), "idProspect": Null, "nameProspect": Null,
            "idEmployee": Null, "nameEmployee": Null),
        Who::Prospect(prospect) => put!(doc, "idMember": Null, "nameMember": Null,
            "idProspect": world.id(Entity::Prospects, prospect), "nameProspect": name(Entity::Prospects, prospect),
            "idEmployee": Null, "nameEmployee": Null),
        Who::Employee(employee) => {
            let employee = places::employee(employee);
            put!(doc, "idMember": Null, "nameMember": Null, "idProspect": Null, "nameProspect": Null,
                "idEmployee": employee.id, "nameEmployee": Quoted(|d: &mut Doc| employee.person.full_name(d)));
        }
    }
}

fn passage(world: &World, doc: &mut Doc, record: Record, branch: u64) {
    let mut rng = world.rng("passage", [record.index]);
    let device =
        [Some("Catraca 01"), Some("Catraca 02"), Some("Catraca 03"), Some("Recepção"), Some("Catraca \"PCD\""), None];
    let kind = ["Controlled", "Controlled", "Controlled", "Free", "Gympass", "Totalpass", "Manual"];
    let blocked = world.rare("blocked entry", 25, record.index);
    let reason = ["Inadimplente", "Fora do horário do plano", "Biometria não reconhecida\n(2ª tentativa)"];
    let released = world.rare("released", 20, record.index).then(|| places::employee(rng.next() >> 32).id);
    let action = if blocked { Some("Blocked") } else { rng.pick(&[Some("Entry"), Some("Entry"), Some("Exit"), None]) };
    let migrated = world.rare("migrated entry", 45, record.index);
    put!(doc, "entryType": rng.pick(&kind), "device": rng.pick(&device),
    "releasesByID": Or(Misfit::FractionInInt, Or(Misfit::TextInNumber, released)), "idBranch": branch,
    "blockReason": Padded(blocked.then_some(rng.pick(&reason)), world.plan.document_bytes.is_some()),
    "entryAction": action,
    "idMigration": (migrated || record.version != 1).then_some(Quoted(|d: &mut Doc| {
        d.raw("CAT-");
        d.number(record.index);
        d.raw("-");
        d.number(record.version);
    })));
}

/// Who passes at `index`. Two passages in the same second are never of the same person, so that no two
/// records share the key that is computed from date and person: multiples of the golden ratio keep neighbours
/// apart. That takes enough people to choose from; until there are, only the staff passes, one after the
/// other.
fn who(world: &World, index: u64) -> Who {
    let staff = Who::Employee(index % (BRANCHES * STAFF));
    let known = |whom| {
        let known = world.registered_before(whom, Entity::Entries, index);
        (known >= 64.min(world.plan.records.of(whom) / 8)).then_some(known)
    };
    if world.rare("employee passes", 25, index) {
        return staff;
    }
    let place = index.wrapping_mul(GOLDEN);
    if world.rare("prospect passes", 60, index) {
        return known(Entity::Prospects).map_or(staff, |known| Who::Prospect(scale(place, known)));
    }
    let Some(known) = known(Entity::Members) else { return staff };
    let regulars = known.div_ceil(8);
    // One member of eight comes as often as the seven others together.
    if place >> 63 == 0 || regulars == known {
        Who::Member(8 * scale(place << 1, regulars))
    } else {
        let other = scale(place << 1, known - regulars);
        Who::Member(other + other / 7 + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::plan::Plan;

    #[test]
    fn no_two_entries_share_date_and_person() {
        let mut plan = Plan::default();
        plan.records.set(Entity::Entries, 200_000);
        plan.start_date = plan.end_date - chrono::Days::new(1);
        let world = World::new(&plan);
        let mut seen = HashSet::new();
        for index in 0..200_000 {
            let who = match who(&world, index) {
                Who::Member(member) => (0, member),
                Who::Prospect(prospect) => (1, prospect),
                Who::Employee(employee) => (2, employee),
            };
            assert!(seen.insert((world.moment(Entity::Entries, index), who)), "{index}");
        }
    }
}
