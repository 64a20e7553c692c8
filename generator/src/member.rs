//! Documents of members, in the shape of `GET /api/v2/members`.

use crate::address::{Address, landline, mobile};
use crate::clock::{DAY, Moment};
use crate::contract::{self, Contract};
use crate::doc::{Doc, Json, Misfit, Null, Or, Padded, Quoted, With, open, put};
use crate::entity::Entity;
use crate::names::{Person, cpf};
use crate::places::{self, Branch};
use crate::world::{Record, World};

/// One version of a member, with what several of its fields depend on.
struct Member<'a> {
    world: &'a World,
    record: Record,
    id: u64,
    home: u64,
    branch: Branch,
    person: Person,
    registered: Moment,
    contracts: Vec<Contract>,
    /// The API's payloads of earlier years lack some keys.
    old_payload: bool,
}

/// Appends the document of `record`.
pub(crate) fn write(world: &World, doc: &mut Doc, record: Record) {
    let home = world.home(Entity::Members, record.index);
    let member = Member {
        world,
        record,
        id: world.id(Entity::Members, record.index),
        home,
        branch: places::branch(home),
        person: world.person(Entity::Members, record.index),
        registered: world.moment(Entity::Members, record.index),
        contracts: contract::contracts(world, record),
        old_payload: world.rare("old member payload", 30, record.index),
    };
    member.identity(doc);
    member.address(doc);
    member.standing(doc);
    member.staff(doc);
    member.partners(doc);
    member.contacts(doc);
    contract::write_all(world, doc, &member.contracts, member.old_payload);
    doc.raw("}");
}

impl Member<'_> {
    fn rare(&self, name: &str, n: u64) -> bool {
        self.world.rare(name, n, self.record.index)
    }

    fn active(&self) -> bool {
        self.contracts.last().is_some_and(|contract| contract.status == "active")
    }

    fn identity(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("identity", [self.record.index]);
        let preferred = self.rare("preferred name", 35);
        let (foreign, known) = (self.rare("passport", 40), rng.chance(97));
        let blocked = self.rare("blocked", 22);
        let (number, days) = (rng.next() >> 8, rng.between(14 * 365, 75 * 365) as i64);
        open!(doc, "idMember": self.id, "firstName": self.person.first,
            "lastName": Quoted(|d: &mut Doc| self.person.last_name(d)));
        if !self.old_payload {
            let legal = Person::of([self.id, 0x6c65_6761]);
            put!(doc, "registerName": preferred.then_some(legal.first),
                "registerLastName": preferred.then_some(Quoted(|d: &mut Doc| self.person.last_name(d))),
                "usePreferredName": preferred);
        }
        let reason = ["Inadimplência", "Exame médico vencido", "Solicitação da gerência: \"contatar\""];
        put!(doc, "registerDate": self.registered, "idBranch": self.branch.id, "branchName": self.branch.name,
        "accessBlocked": blocked, "blockedReason": blocked.then_some(rng.pick(&reason)),
        "document": (known && !foreign).then_some(Quoted(|d: &mut Doc| cpf(d, number))),
        "documentId": rng.chance(55).then_some(Quoted(|d: &mut Doc| {
            d.number(10 + number % 89);
            d.raw(".");
            d.padded(number / 89 % 1_000, 3);
            d.raw(".");
            d.padded(number / 89_000 % 1_000, 3);
            d.raw("-");
            d.number(number % 10);
        })));
        let status = [Some("Single"), Some("Married"), Some("Divorced"), Some("Widowed"), None];
        let born = self.registered.plus_days(-days);
        put!(doc, "maritalStatus": rng.pick(&status), "gender": rng.chance(96).then_some(self.person.gender),
            "birthDate": Or(Misfit::EmptyDate, rng.chance(95).then_some(born)),
            "updateDate": self.world.updated(self.record));
    }

    fn address(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("address", [self.record.index]);
        let address = Address::near(&self.branch, 88, &mut rng);
        put!(doc, "address": address.street, "number": address.number(),
            "complement": Padded(address.complement, self.world.plan.document_bytes.is_some()),
            "neighborhood": address.neighborhood, "city": self.branch.city, "state": self.branch.state,
            "country": rng.chance(90).then_some("Brasil"), "zipCode": address.zip());
        let (foreign, card) = (self.rare("passport", 40), self.rare("access card", 18));
        put!(doc, "passport": foreign.then_some(Quoted(|d: &mut Doc| {
                d.raw("FX");
                d.padded(self.id % 1_000_000, 6);
            })),
            "cpf": self.rare("cpf", 45).then_some(Quoted(|d: &mut Doc| cpf(d, self.id * 7_919))),
            "accessCardNumber": card.then_some(Quoted(|d: &mut Doc| d.padded(self.id * 37 % 10_000_000_000, 10))));
    }

    fn standing(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("standing", [self.record.index, self.record.version]);
        let (active, until) = (self.active(), self.world.seen(self.record).plus(-DAY));
        let room = (until.0 - self.registered.0).max(1) as u64;
        let visit = if active {
            until.plus(-(rng.below(room.min(9 * DAY as u64)) as i64))
        } else {
            self.registered.plus(rng.below(room) as i64)
        };
        let state = if active { "Active" } else { "Inactive" };
        let first = self.world.first_sale(self.record.index).map(|sale| self.world.moment(Entity::Sales, sale));
        put!(doc, "totalFitCoins": Or(Misfit::TextInNumber, 10 * rng.below(60)), "membershipStatus": state,
            "penalized": self.rare("penalized", 28), "status": state,
            "lastAccessDate": Or(Misfit::AncientDate, rng.chance(92).then_some(visit)),
            "conversionDate": Or(Misfit::NumberInDate, first.filter(|_| !self.contracts.is_empty())));
    }

    fn staff(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("staff", [self.record.index]);
        let mut someone = |percent| rng.chance(percent).then(|| places::employee_of(self.home, &mut rng));
        // Few members have them as objects: all of these have all three.
        let objects = self.rare("staff as objects", 50);
        let (consultant, instructor, personal) =
            if objects { (someone(100), someone(100), someone(100)) } else { (someone(80), someone(30), someone(12)) };
        let id = |who: Option<places::Employee>| who.map(|employee| employee.id);
        let name =
            |who: Option<places::Employee>| who.map(|employee| Quoted(move |d: &mut Doc| employee.person.full_name(d)));
        if objects {
            put!(doc, "employeeConsultant": With(|d: &mut Doc| {
                open!(d, "idEmployee": id(consultant), "name": name(consultant));
                d.raw("}");
            }), "employeeInstructor": With(|d: &mut Doc| {
                open!(d, "idEmployee": Or(Misfit::FractionInInt, id(instructor)), "name": name(instructor));
                d.raw("}");
            }), "employeePersonal": With(|d: &mut Doc| {
                open!(d, "idEmployee": id(personal), "name": name(personal));
                d.raw("}");
            }));
            return;
        }
        put!(doc, "idEmployeeConsultant": id(consultant), "nameEmployeeConsultant": name(consultant),
            "idEmployeeInstructor": Or(Misfit::FractionInInt, id(instructor)),
            "nameEmployeeInstructor": name(instructor), "idEmployeePersonalTrainer": id(personal),
            "nameEmployeePersonalTrainer": name(personal));
    }

    fn partners(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("partners", [self.record.index]);
        let code = |prefix: &'static str, wanted: bool| {
            wanted.then_some(Quoted(move |d: &mut Doc| {
                d.raw(prefix);
                d.number(self.id * 7 + 100_003);
            }))
        };
        let url = rng.chance(70).then_some(Quoted(|d: &mut Doc| {
            d.raw("https://fotos.exemplo.com.br/");
            d.number(self.id);
            d.raw(".jpg");
        }));
        if self.rare("photo", 60) {
            put!(doc, "photo": url);
        } else {
            put!(doc, "photoUrl": url);
        }
        put!(doc, "idMemberMigration": code("MIG-", self.rare("migration", 25)),
            "responsibles": With(|d: &mut Doc| self.responsibles(d)),
            "gympassId": code("gp-", self.rare("gympass", 14)), "codeTotalpass": code("", self.rare("totalpass", 24)),
            "userIdGurupass": code("guru-", self.rare("gurupass", 40)));
        let trainer = self.rare("trainer", 33);
        put!(doc, "clientWithPromotionalRestriction": self.rare("restriction", 30), "personalTrainer": trainer,
            "personalType": trainer.then_some(rng.pick(&["Interno", "Externo"])),
            "cref": trainer.then_some(Quoted(|d: &mut Doc| {
                d.padded(self.id % 1_000_000, 6);
                d.raw("-G/");
                d.raw(self.branch.state);
            })),
            "crefExpirationDate": trainer.then(|| self.registered.plus_days(900)));
    }

    fn responsibles(&self, doc: &mut Doc) {
        if !self.rare("responsible", 28) {
            return doc.raw(if self.record.index % 9 == 4 { "null" } else { "[]" });
        }
        let person = Person::of([self.id, 0x7265_7370]);
        doc.raw("[");
        open!(doc, "idResponsible": 40_000 + self.record.index, "idMember": self.id,
            "name": Quoted(|d: &mut Doc| person.full_name(d)), "cpf": Quoted(|d: &mut Doc| cpf(d, self.id * 104_729)),
            "email": Quoted(|d: &mut Doc| person.email(d, self.id)),
            "phone": Quoted(|d: &mut Doc| mobile(d, self.branch.area, self.id * 31)),
            "observation": "Mãe / responsável",
            "idMemberResponsible": Null, "acessFiti": false, "financialResponsible": true);
        doc.raw("}]");
    }

    fn contacts(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("contacts", [self.record.index]);
        if rng.below(120) == 0 {
            return put!(doc, "contacts": Json(["null", "[]"][(self.record.index % 2) as usize]));
        }
        let (home, number, mail) = (rng.chance(14), rng.chance(97), rng.chance(91));
        let moved = self.record.version > 1 && rng.chance(25);
        let mut numbers = self.world.rng("numbers", [self.record.index, if moved { self.record.version } else { 1 }]);
        let mut written = 0;
        doc.raw(", \"contacts\": [");
        if home || !(number || mail) {
            let label = ["Telefone", "Telephone"][(self.record.index % 2) as usize];
            let random = numbers.next();
            self.contact(doc, &mut written, (1, label), |d| landline(d, self.branch.area, random));
        }
        if number {
            let random = numbers.next();
            self.contact(doc, &mut written, (2, "Cellphone"), |d| mobile(d, self.branch.area, random));
        }
        if mail {
            self.contact(doc, &mut written, (4, "E-mail"), |d| self.person.email(d, self.id));
        }
        doc.raw("]");
    }

    fn contact(&self, doc: &mut Doc, written: &mut u64, kind: (u64, &'static str), inside: impl Fn(&mut Doc)) {
        doc.raw(if *written == 0 { "" } else { ", " });
        open!(doc, "idPhone": 3_000_000 + 4 * self.record.index + *written, "idMember": self.id, "idEmployee": Null,
            "idProspect": Null, "idProvider": Null, "idContactType": kind.0, "contactType": kind.1);
        if !self.old_payload {
            put!(doc, "ddi": (kind.0 != 4).then_some("55"));
        }
        put!(doc, "description": Quoted(inside));
        doc.raw("}");
        *written += 1;
    }
}
