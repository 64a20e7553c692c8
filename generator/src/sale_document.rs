//! Documents of sales, in the shape of `GET /api/v2/sales`.

use crate::doc::{Cents, Doc, Misfit, Or, Padded, Quoted, open, put};
use crate::entity::Entity;
use crate::receivable;
use crate::sale::{Goods, Item, Sale};
use crate::texts::NOTES;
use crate::world::{Buyer, Record, World};

/// Appends the document of `record`.
pub(crate) fn write(world: &World, doc: &mut Doc, record: Record) {
    let sale = Sale::of(world, record);
    sale.head(doc);
    doc.raw(", \"saleItens\": [");
    for (n, item) in sale.items.iter().enumerate() {
        doc.raw(if n == 0 { "" } else { ", " });
        sale.item(doc, n as u64, item);
    }
    doc.raw("]");
    receivable::write_all(&sale, doc);
    doc.raw("}");
}

impl Sale<'_> {
    fn head(&self, doc: &mut Doc) {
        let mut rng = self.world.rng("sale head", [self.record.index]);
        let trained = self.rare("personal sale", 24).then_some(self.seller.id + 1);
        let no_seller = rng.chance(12);
        let seller = (!no_seller).then_some(self.seller);
        open!(doc, "idSale": self.id, "idMember": self.member().map(|member| self.world.id(Entity::Members, member)),
            "idEmployee": Some(self.seller.id).filter(|_| !rng.chance(10)),
            "idProspect": self.prospect.map(|prospect| self.world.id(Entity::Prospects, prospect)),
            "idEmployeeSale": seller.map(|seller| seller.id));
        if !self.old_payload {
            put!(doc, "nameEmployeeSale": seller.map(|s| Quoted(move |d: &mut Doc| s.person.full_name(d))));
        }
        let server = self.sold.plus(3 * 3_600 + rng.below(3) as i64);
        put!(doc, "saleDate": self.sold, "saleDateServer": Or(Misfit::AncientDate, server));
        if !self.old_payload {
            put!(doc, "updateDate": self.world.updated(self.record));
        }
        put!(doc, "idPersonal": Or(Misfit::TextInNumber, trained));
        self.partner(doc);
        let removed = self.rare("removed", 28);
        let gone = removed.then(|| self.sold.plus(3_600 + (rng.below(9) * 86_400) as i64));
        put!(doc, "removed": removed, "idEmployeeRemoval": removed.then_some(self.seller.id),
            "removalDate": Or(Misfit::EmptyDate, Or(Misfit::NumberInDate, gone)), "idBranch": self.branch.id);
        let note = (rng.chance(22)).then(|| rng.pick(&NOTES));
        let recurring = matches!(self.buyer, Buyer::Contract(..)).then_some(5_500_000 + self.record.index);
        let token = self.rare("cart token", 26).then_some(Quoted(|d: &mut Doc| {
            d.raw("ct_");
            d.padded(self.id * 999_983, 16);
        }));
        put!(doc, "observations": Padded(note, self.world.plan.document_bytes.is_some()),
            "idSaleRecurrency": recurring, "saleSource": 1 + rng.below(9),
            "idSaleMigration": self.rare("sale migration", 32).then_some(Quoted(|d: &mut Doc| {
                d.raw("V1-");
                d.number(self.record.index);
            })), "idCartToken": token);
    }

    /// The vendor misspells the key of the id; newer payloads may have it right.
    fn partner(&self, doc: &mut Doc) {
        put!(doc, "corporatePartnershipName": self.partner.map(|(_, name)| name));
        let id = self.partner.map(|(id, _)| id);
        if self.record.index % 17 == 5 {
            put!(doc, "corporatePartnershipId": id);
        } else {
            put!(doc, "coporatePartnershipId": id);
        }
    }

    fn item(&self, doc: &mut Doc, n: u64, item: &Item) {
        let rare = |name, per| n == 0 && self.rare(name, per);
        let value = item.value();
        open!(doc, "idSaleItem": self.id * 10 + n + 1, "description": item.description, "item": item.name,
            "itemValue": Cents(item.price), "saleValue": Cents(value), "saleValueWithoutCreditValue": Cents(value),
            "quantity": Or(Misfit::FractionInInt, item.quantity));
        let (contract, product, service) = match &item.goods {
            Goods::Contract { plan, renewed, contract, people, price } => {
                (Some((*plan, *renewed, *contract, *people, *price)), None, None)
            }
            Goods::Product(id) => (None, Some(*id), None),
            Goods::Service(id) => (None, None, Some(*id)),
        };
        put!(doc, "idMembership": contract.map(|c| c.0), "idMembershipRenewed": contract.and_then(|c| c.1),
            "numMembers": contract.map(|c| c.3), "idProduct": product, "idService": service,
            "corporatePartnershipName": self.partner.map(|(_, name)| name),
            "coporatePartnershipId": self.partner.map(|(id, _)| id),
            "membershipStartDate": contract.map(|_| self.sold.midnight()), "discount": Cents(item.discount),
            "corporateDiscount": Cents(item.corporate_discount),
            "tax": Cents(if rare("tax", 20) { value / 20 } else { 0 }));
        put!(doc, "voucher": rare("voucher", 25).then_some("VERÃO10"),
            "accountingCode": rare("accounting code", 22).then_some("3.1.01.02"),
            "municipalServiceCode": rare("municipal code", 22).then_some("06.04"),
            "flReceiptOnly": product.is_some(), "idSaleItemMigration": rare("item migration", 32).then_some("IT-7"),
            "flSwimming": contract.is_some_and(|c| c.0 == 15), "flAllowLocker": service == Some(304),
            "idMemberMembership": contract.map(|c| c.2), "valueNextMonth": contract.map(|c| c.4));
        doc.raw("}");
    }
}
