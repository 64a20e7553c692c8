//! Documents of sales, in the shape of `GET /api/v2/sales`.

use super::clock::Moment;
use super::contract;
use super::doc::{Cents, Doc, Misfit, Or, Padded, Quoted, open, put};
use super::places::{self, Branch, Employee};
use super::plan::Entity;
use super::prng::Rng;
use super::receivable;
use super::texts::NOTES;
use super::world::{Buyer, Record, World};

/// One version of a sale, with what several of its parts depend on.
pub(super) struct Sale<'a> {
    pub(super) world: &'a World,
    pub(super) record: Record,
    pub(super) id: u64,
    pub(super) sold: Moment,
    pub(super) buyer: Buyer,
    /// Somebody who is no member yet; then the buyer is not the one of the sale.
    pub(super) prospect: Option<u64>,
    pub(super) branch: Branch,
    pub(super) items: Vec<Item>,
    seller: Employee,
    partner: Option<(u64, &'static str)>,
    /// The API's payloads of earlier years lack some keys.
    pub(super) old_payload: bool,
    /// Most payloads leave out of a receivable what no report reads.
    pub(super) lean: bool,
}

/// What an item refers to.
enum Goods {
    Contract { plan: u64, renewed: Option<u64>, contract: u64, people: u64, price: Cents },
    Product(u64),
    Service(u64),
}

/// One line of a sale.
pub(super) struct Item {
    pub(super) description: &'static str,
    name: &'static str,
    goods: Goods,
    price: u64,
    quantity: u64,
    discount: u64,
    corporate_discount: u64,
}

impl Item {
    /// What the line costs.
    pub(super) fn value(&self) -> u64 {
        self.price * self.quantity - self.discount - self.corporate_discount
    }
}

const PRODUCTS: [(&str, u64); 8] = [
    ("Água mineral 500 ml", 450),
    ("Whey protein 900 g – baunilha", 14_990),
    ("Toalha Aurora", 3_990),
    ("Luva de treino \"Pro\"", 5_990),
    ("Barra de proteína", 985),
    ("Camiseta dry-fit", 6_990),
    ("Coqueteleira 600 ml", 2_990),
    ("Isotônico de maracujá", 790),
];

const SERVICES: [(&str, u64); 6] = [
    ("Taxa de matrícula", 5_900),
    ("Avaliação física", 8_000),
    ("Day use", 4_900),
    ("Bioimpedância", 6_000),
    ("Armário mensal", 2_500),
    ("Aula avulsa de natação", 7_050),
];

const PARTNERS: [(u64, &str); 5] = [
    (77, "Convênio Prefeitura"),
    (81, "Sindicato dos Metalúrgicos"),
    (90, "Ordem dos Advogados – Seção PR"),
    (94, "Universidade Estadual"),
    (99, "Padaria \"Pão & Cia\""),
];

/// Appends the document of `record`.
pub(super) fn write(world: &World, doc: &mut Doc, record: Record) {
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

impl<'a> Sale<'a> {
    fn of(world: &'a World, record: Record) -> Self {
        let mut rng = world.rng("sale", [record.index]);
        let buyer = world.buyer(record.index);
        let prospect = (matches!(buyer, Buyer::Member(_)) && rng.chance(6)).then(|| {
            let known = world.registered_before(Entity::Prospects, Entity::Sales, record.index);
            rng.below(known)
        });
        let home = match (prospect, buyer) {
            (Some(prospect), _) => world.home(Entity::Prospects, prospect),
            (None, Buyer::Contract(member, _) | Buyer::Member(member)) => world.home(Entity::Members, member),
        };
        let partner = rng.chance(12).then(|| rng.pick(&PARTNERS));
        Sale {
            world,
            record,
            id: world.id(Entity::Sales, record.index),
            sold: world.moment(Entity::Sales, record.index),
            buyer,
            prospect,
            branch: places::branch(home),
            items: items(world, buyer, partner.is_some(), &mut rng),
            seller: places::employee_of(home, &mut rng),
            partner,
            old_payload: record.version == 1 && world.rare("old sale payload", 30, record.index),
            lean: rng.chance(88) && !receivable::DETAILS.iter().any(|(name, n)| world.rare(name, *n, record.index)),
        }
    }

    /// Whether this sale is the one of `n` to which a rare thing happens.
    pub(super) fn rare(&self, name: &str, n: u64) -> bool {
        self.world.rare(name, n, self.record.index)
    }

    /// The member who buys.
    pub(super) fn member(&self) -> Option<u64> {
        match (self.prospect, self.buyer) {
            (Some(_), _) => None,
            (None, Buyer::Contract(member, _) | Buyer::Member(member)) => Some(member),
        }
    }

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

/// The lines of a sale: 1.25 on average.
fn items(world: &World, buyer: Buyer, partner: bool, rng: &mut Rng) -> Vec<Item> {
    let count = 1 + usize::from(rng.chance(20)) + usize::from(rng.chance(5));
    let mut items = Vec::with_capacity(count);
    if let Buyer::Contract(member, number) = buyer {
        let offer = contract::offer(world, member, number);
        let Cents(price) = offer.price;
        let renewed = (number > 0).then(|| contract::offer(world, member, number - 1).id);
        let contract = contract::contract_id(member, number);
        let next = Cents(price - price / 13);
        items.push(Item {
            description: offer.name,
            name: offer.item,
            goods: Goods::Contract { plan: offer.id, renewed, contract, people: offer.people, price: next },
            price,
            quantity: 1,
            discount: if rng.chance(30) { 1_000 } else { 0 },
            corporate_discount: if partner { price / 10 } else { 0 },
        });
    }
    while items.len() < count {
        let product = rng.chance(60);
        let kind = rng.below(if product { PRODUCTS.len() } else { SERVICES.len() } as u64);
        let (name, price) = if product { PRODUCTS[kind as usize] } else { SERVICES[kind as usize] };
        items.push(Item {
            description: name,
            name,
            goods: if product { Goods::Product(200 + kind) } else { Goods::Service(300 + kind) },
            price,
            quantity: if product { rng.between(1, 3) } else { 1 },
            discount: if rng.chance(10) { price / 10 } else { 0 },
            corporate_discount: if partner { price / 20 } else { 0 },
        });
    }
    items
}
