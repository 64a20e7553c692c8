//! Sales: who buys what, where and when.

use crate::clock::Moment;
use crate::contract;
use crate::doc::Cents;
use crate::entity::Entity;
use crate::places::{self, Branch, Employee};
use crate::prng::Rng;
use crate::world::{Buyer, Record, World};

/// Details that a receivable has only in full payloads, and how rare each is.
pub(crate) const DETAILS: [(&str, u64); 4] = [("invoice", 30), ("tef", 35), ("credit", 40), ("split receivable", 40)];

/// One version of a sale, with what several of its parts depend on.
pub(crate) struct Sale<'a> {
    pub(crate) world: &'a World,
    pub(crate) record: Record,
    pub(crate) id: u64,
    pub(crate) sold: Moment,
    pub(crate) buyer: Buyer,
    /// Somebody who is no member yet; then the buyer is not the one of the sale.
    pub(crate) prospect: Option<u64>,
    pub(crate) branch: Branch,
    pub(crate) items: Vec<Item>,
    pub(crate) seller: Employee,
    /// Id and name of the company whose employees get a discount.
    pub(crate) partner: Option<(u64, &'static str)>,
    /// The API's payloads of earlier years lack some keys.
    pub(crate) old_payload: bool,
    /// Most payloads leave out of a receivable what no report reads.
    pub(crate) lean: bool,
}

/// The goods or the service that an item is for.
pub(crate) enum Goods {
    Contract { plan: u64, renewed: Option<u64>, contract: u64, people: u64, price: Cents },
    Product(u64),
    Service(u64),
}

/// One line of a sale.
pub(crate) struct Item {
    pub(crate) description: &'static str,
    pub(crate) name: &'static str,
    pub(crate) goods: Goods,
    /// In cents, as the amounts below.
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) discount: u64,
    pub(crate) corporate_discount: u64,
}

impl Item {
    /// The price of the line after discounts, in cents.
    pub(crate) fn value(&self) -> u64 {
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

impl<'a> Sale<'a> {
    /// Derives this version of the sale from its record.
    pub(crate) fn of(world: &'a World, record: Record) -> Self {
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
            lean: rng.chance(88) && !DETAILS.iter().any(|(name, n)| world.rare(name, *n, record.index)),
        }
    }

    /// Whether this sale is the one of `n` to which a rare thing happens.
    pub(crate) fn rare(&self, name: &str, n: u64) -> bool {
        self.world.rare(name, n, self.record.index)
    }

    /// The member who buys; `None` if a prospect does.
    pub(crate) fn member(&self) -> Option<u64> {
        match (self.prospect, self.buyer) {
            (Some(_), _) => None,
            (None, Buyer::Contract(member, _) | Buyer::Member(member)) => Some(member),
        }
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
