//! Documents of prospects, in the shape of `GET /api/v1/prospects`.

use crate::address::{Address, mobile};
use crate::doc::{Doc, Json, Misfit, Null, Or, Quoted, With, open, put};
use crate::entity::Entity;
use crate::names::{Person, cpf};
use crate::places;
use crate::texts::NOTES;
use crate::world::{Record, World};

/// Appends the document of `record`.
pub(crate) fn write(world: &World, doc: &mut Doc, record: Record) {
    let index = record.index;
    let mut rng = world.rng("prospect", [index]);
    let branch = places::branch(world.home(Entity::Prospects, index));
    let (id, person) = (world.id(Entity::Prospects, index), world.person(Entity::Prospects, index));
    let registered = world.moment(Entity::Prospects, index);
    let (days, random, known) = (rng.between(14 * 365, 70 * 365) as i64, rng.next(), rng.chance(35));
    open!(doc, "idProspect": id, "idBranch": Or(Misfit::TextInNumber, branch.id), "branchName": branch.name,
        "firstName": person.first, "lastName": Quoted(|d: &mut Doc| person.last_name(d)),
        "document": known.then_some(Quoted(|d: &mut Doc| cpf(d, random >> 20))),
        "cellphone": rng.chance(93).then_some(Quoted(|d: &mut Doc| mobile(d, branch.area, random))),
        "email": rng.chance(80).then_some(Quoted(|d: &mut Doc| person.email(d, id))),
        "gympassId": world.rare("prospect gympass", 20, index).then_some(Quoted(|d: &mut Doc| d.number(id * 13))),
        "registerDate": registered, "gender": rng.chance(85).then_some(person.gender));
    let born = rng.chance(40).then(|| registered.plus_days(-days));
    put!(doc, "birthDate": Or(Misfit::EmptyDate, Or(Misfit::NumberInDate, born)));
    progress(world, doc, record);
    let address = Address::near(&branch, 30, &mut rng);
    let near = address.street.is_some();
    put!(doc, "address": address.street, "city": near.then_some(branch.city), "complement": address.complement,
        "neighborhood": address.neighborhood, "state": near.then_some(branch.state),
        "country": rng.chance(90).then_some("Brasil"), "zipCode": address.zip(), "number": address.number());
    responsible(world, doc, index, id);
    custom(world, doc, record);
    doc.raw("}");
}

fn progress(world: &World, doc: &mut Doc, record: Record) {
    let mut rng = world.rng("progress", [record.index]);
    let signup = [Some("Website"), Some("Balcão"), Some("Aplicativo"), Some("Importação"), None];
    let channel = [Some("Instagram"), Some("Indicação"), Some("Google"), Some("Fachada"), Some("Panfleto"), None];
    let steps = ["Contact", "Scheduled", "Visit", "Trial", "Negotiation", "Lost"];
    let member = world.converted(record.index);
    let step = (rng.below(6) + record.version) as usize % steps.len();
    put!(doc, "signupType": rng.pick(&signup), "mktChannel": rng.pick(&channel),
        "conversionDate": Or(Misfit::AncientDate, member.map(|member| world.moment(Entity::Members, member))),
        "idMember": Or(Misfit::FractionInInt, member.map(|member| world.id(Entity::Members, member))),
        "currentStep": if member.is_some() { "Converted" } else { steps[step] });
}

/// The responsible person comes as an object, or in payloads of the other kind as the first element of an
/// array.
fn responsible(world: &World, doc: &mut Doc, index: u64, id: u64) {
    let (minor, array) = (world.rare("minor", 15, index), world.rare("responsible array", 30, index));
    let person = Person::of([id, 0x7265_7370]);
    let name = Quoted(|d: &mut Doc| person.full_name(d));
    let document = Quoted(|d: &mut Doc| cpf(d, id * 104_729));
    if array {
        put!(doc, "financiallyResponsibles": With(|d: &mut Doc| {
            d.raw("[");
            open!(d, "name": name, "cpf": document, "financialResponsible": true);
            d.raw("}]");
        }));
    } else if minor {
        put!(doc, "responsible": With(|d: &mut Doc| {
            open!(d, "name": name, "document": document, "financialResponsible": index.is_multiple_of(2));
            d.raw("}");
        }));
    } else if index % 10 == 3 {
        put!(doc, "responsible": Null, "financiallyResponsibles": Json("[]"));
    } else {
        put!(doc, "responsible": Json("{\"name\": null, \"document\": null, \"financialResponsible\": false}"));
    }
}

fn custom(world: &World, doc: &mut Doc, record: Record) {
    let padded = world.plan.document_bytes.is_some();
    let asked = world.rare("interests", 10, record.index);
    if !asked && record.version == 1 && !padded {
        return;
    }
    let mut rng = world.rng("custom", [record.index]);
    let interests = ["[\"Musculação\", \"Natação\"]", "\"Pilates\"", "[]", "null", "[\"Dança\"]"];
    put!(doc, "interests": Json(rng.pick(&interests)), "notes": With(|d: &mut Doc| {
        d.raw("\"");
        d.text(world.rng("note", [record.index]).pick(&NOTES));
        if record.version != 1 {
            d.raw(" (retorno nº ");
            d.number(record.version);
            d.raw(")");
        }
        d.pad_at = Some(d.out.len());
        d.raw("\"");
    }), "temperature": rng.pick(&[Some("Quente"), Some("Morno"), Some("Frio"), None]));
}
