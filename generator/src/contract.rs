//! The contracts of members (`memberships[]`), and the price list that sales share with them.

use crate::clock::Moment;
use crate::doc::{Cents, Doc, Json, Null, Quoted, With, open, put};
use crate::entity::Entity;
use crate::places;
use crate::world::{Record, World};

/// A plan that a member can sign.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) item: &'static str,
    category: u64,
    pub(crate) price: Cents,
    months: i64,
    weekly_limit: u64,
    sessions: u64,
    pub(crate) people: u64,
}

/// Id, name, item, category, price in cents, months, times a week, sessions, people.
type Row = (u64, &'static str, &'static str, u64, u64, i64, u64, u64, u64);

const OFFERS: [Row; 9] = [
    (7, "PLANO BLACK ANUAL RECORRENTE", "PLANO BLACK", 3, 12_990, 12, 0, 0, 1),
    (8, "PLANO SMART ANUAL", "PLANO SMART", 3, 9_990, 12, 0, 0, 1),
    (9, "PLANO FIT MENSAL SEM FIDELIDADE", "PLANO FIT", 1, 13_990, 1, 0, 0, 1),
    (11, "PLANO FAMÍLIA ANUAL – TITULAR + 1", "PLANO FAMÍLIA", 4, 18_990, 12, 0, 0, 2),
    (12, "SEMESTRAL À VISTA", "SEMESTRAL", 2, 59_900, 6, 0, 0, 1),
    (15, "NATAÇÃO 2X SEMANA", "NATAÇÃO", 5, 15_950, 12, 2, 0, 1),
    (18, "PERSONAL – 8 SESSÕES", "PERSONAL", 6, 64_000, 3, 0, 8, 1),
    (21, "BLACK ANUAL (CONVÊNIO)", "PLANO BLACK", 7, 10_990, 12, 0, 0, 1),
    (24, "MATUTINO ATÉ AS 11H", "MATUTINO", 3, 7_990, 12, 5, 0, 1),
];

/// The plan of a member's contract with this number.
pub(crate) fn offer(world: &World, member: u64, number: u64) -> Offer {
    let row = world.rng("offer", [member, number]).pick(&OFFERS);
    let (id, name, item, category, cents, months, weekly_limit, sessions, people) = row;
    Offer { id, name, item, category, price: Cents(cents), months, weekly_limit, sessions, people }
}

/// The id of a contract, `idMemberMembership`.
pub(crate) fn contract_id(member: u64, number: u64) -> u64 {
    20_000_000 + 8 * member + number
}

/// One contract of a member as a version of the member shows it.
#[derive(Debug)]
pub(crate) struct Contract {
    member: Record,
    number: u64,
    offer: Offer,
    sale: Option<(u64, Moment)>,
    signed: Moment,
    end: Moment,
    /// `active`, `expired` or `canceled`.
    pub(crate) status: &'static str,
}

/// The contracts of a member, oldest first.
pub(crate) fn contracts(world: &World, member: Record) -> Vec<Contract> {
    let sale = |number| world.contract_sale(member.index, number);
    let unsold = sale(0).is_none() && world.rng("unsold", [member.index]).chance(50);
    if sale(0).is_none() && !unsold {
        return Vec::new();
    }
    let count = (1..3).take_while(|number| sale(*number).is_some()).count() as u64 + 1;
    (0..count).map(|number| contract(world, member, number, number + 1 == count)).collect()
}

fn contract(world: &World, member: Record, number: u64, last: bool) -> Contract {
    let sale = world.contract_sale(member.index, number).map(|sale| (sale, world.moment(Entity::Sales, sale)));
    let signed = sale.map_or_else(|| world.moment(Entity::Members, member.index), |(_, moment)| moment);
    let offer = offer(world, member.index, number);
    let end = signed.plus_days(offer.months * 365 / 12 - 1);
    let canceled = world.rng("canceled", [member.index, number]).chance(14)
        || (member.version > 1 && world.rng("canceled now", [member.index, member.version]).chance(30));
    let status = match (last, end < world.seen(member)) {
        (true, _) if canceled => "canceled",
        (true, false) => "active",
        _ => "expired",
    };
    Contract { member, number, offer, sale, signed, end, status }
}

impl Contract {
    /// Appends the contract as JSON.
    pub(crate) fn write(&self, world: &World, doc: &mut Doc, old_payload: bool) {
        let member = world.id(Entity::Members, self.member.index);
        let id = contract_id(self.member.index, self.number);
        let renewed = (self.number > 0).then(|| contract_id(self.member.index, self.number - 1));
        open!(doc, "idMember": (self.number == 0).then_some(member), "idMembership": self.offer.id,
            "idMemberMembership": id, "idMemberMembershipRenewed": renewed, "numMembers": self.offer.people,
            "flRenewed": self.number > 0, "startDate": self.signed.midnight(), "endDate": self.end,
            "name": self.offer.name);
        self.cancellation(world, doc, old_payload);
        self.charges(world, doc);
        put!(doc, "idSale": self.sale.map(|(sale, _)| world.id(Entity::Sales, sale)),
        "saleDate": self.sale.map(|(_, moment)| moment),
        "contractPrinting": Quoted(|d: &mut Doc| {
            d.raw("https://contratos.exemplo.com.br/");
            d.number(id);
            d.raw(".pdf");
        }));
        self.suspension(world, doc);
        self.rights(world, doc);
        doc.raw("}");
    }

    fn rare(&self, world: &World, name: &str, n: u64) -> bool {
        self.number == 0 && world.rare(name, n, self.member.index)
    }

    fn cancellation(&self, world: &World, doc: &mut Doc, old_payload: bool) {
        let seconds = world.rng("cancel", [self.member.index]).between(3_600, 80 * 86_400) as i64;
        let asked = (self.status == "canceled").then(|| self.signed.plus(seconds));
        let ends = asked.map(|moment| moment.plus_days(30));
        put!(doc, "cancelDate": ends);
        if !old_payload {
            put!(doc, "cancelDateOn": ends, "cancelCreationDate": asked);
        }
    }

    fn charges(&self, world: &World, doc: &mut Doc) {
        let Cents(price) = self.offer.price;
        let active = self.status == "active";
        let next = active.then(|| world.seen(self.member).month_start().plus_days(35).month_start().plus_days(4));
        let suspended = self.rare(world, "suspension", 30).then(|| self.signed.plus_days(40));
        put!(doc, "membershipStatus": self.status,
            "valueNextMonth": Cents(if active { price - price / 13 } else { 0 }), "originalValue": Cents(price),
            "nextCharge": next, "nextDateSuspension": suspended);
    }

    fn suspension(&self, world: &World, doc: &mut Doc) {
        let frozen = self.rare(world, "freeze", 25);
        let reason = world.rng("freeze", [self.member.index]).below(3) as usize;
        put!(doc, "freezes": With(|d: &mut Doc| {
            if !frozen {
                return d.raw(if self.number == 0 && self.member.index.is_multiple_of(3) { "[]" } else { "null" });
            }
            let from = self.signed.plus_days(60);
            d.raw("[");
            open!(d, "idFreeze": 700_000 + self.member.index, "startSuspend": from, "endSuspend": from.plus_days(29),
                "unlockDate": Null, "idEmployee": places::employee(self.member.index).id,
                "reason": ["Viagem", "Cirurgia \"ortopédica\"", "Férias – retorno em março"][reason],
                "flUseMembershipFreezeDays": true, "daysFreeze": 30u64);
            d.raw("}]");
        }));
        let (times, days) = if frozen { (1u64, 0u64) } else { (2, 30) };
        put!(doc, "idCategoryMembership": self.offer.category, "numberSuspensionTimes": 2u64,
            "maxSuspensionDays": 30u64, "minimumSuspensionDays": 7u64, "disponibleSuspensionDays": days,
            "disponibleSuspensionTimes": times, "daysLeftToFreeze": days,
            "loyaltyEndDate": (self.offer.months == 12).then_some(self.end),
            "assessmentEndDate": self.rare(world, "assessment", 20).then(|| self.signed.plus_days(90)),
            "acceptanceDate": self.sale.map(|(_, moment)| moment.plus(50)));
    }

    fn rights(&self, world: &World, doc: &mut Doc) {
        let mut rng = world.rng("rights", [self.member.index, self.number]);
        let (offer, done) = (&self.offer, rng.below(self.offer.sessions + 1));
        put!(doc, "flAllowLocker": rng.chance(20), "flAdditionalMembership": rng.chance(4),
            "allowLesMills": offer.id == 7, "allowsCancellationByApp": !rng.chance(15),
            "bioimpedanceAmount": rng.below(3), "signedTerms": rng.chance(93), "limitless": offer.weekly_limit == 0,
            "weeklyLimit": offer.weekly_limit, "concludedSessions": done, "pendingSessions": offer.sessions - done,
            "scheduledSessions": (offer.sessions - done).min(1), "pendingRepositions": rng.below(2),
            "repositionsTotal": rng.below(3), "bonusSessions": offer.sessions / 8);
        if offer.sessions == 0 {
            return put!(doc, "sessions": Json(if rng.chance(60) { "[]" } else { "null" }));
        }
        put!(doc, "sessions": With(|d: &mut Doc| {
            for session in 0..offer.sessions - done {
                d.raw(if session == 0 { "[" } else { ", " });
                open!(d, "idSession": contract_id(self.member.index, self.number) * 8 + session,
                    "expirationDate": self.end, "flBonusSession": session == 7);
                d.raw("}");
            }
            d.raw(if done == offer.sessions { "[]" } else { "]" });
        }));
    }
}

/// Appends `memberships` of a member.
pub(crate) fn write_all(world: &World, doc: &mut Doc, contracts: &[Contract], old_payload: bool) {
    let Some(first) = contracts.first() else {
        return put!(doc, "memberships": Json("null"));
    };
    doc.raw(", \"memberships\": [");
    first.write(world, doc, old_payload);
    for contract in &contracts[1..] {
        doc.raw(", ");
        contract.write(world, doc, old_payload);
    }
    doc.raw("]");
}
