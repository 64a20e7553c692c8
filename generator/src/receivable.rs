//! The receivables of a sale (`receivables[]`): their amounts add up to what its items cost.

use crate::clock::Moment;
use crate::doc::{Cents, Doc, Json, Null, Quoted, With, open, put};
use crate::entity::Entity;
use crate::sale::{DETAILS, Sale};
use crate::world::Buyer;

/// How it is paid: id, name, whether with a card.
type Payment = (u64, &'static str, bool);

const PAYMENTS: [Payment; 8] = [
    (1, "Cartão de crédito", true),
    (1, "Cartão de crédito", true),
    (8, "Cartão de crédito recorrente", true),
    (5, "Cartão de débito", true),
    (4, "PIX", false),
    (4, "PIX", false),
    (2, "Boleto bancário", false),
    (3, "Dinheiro", false),
];

/// One installment of a sale.
struct Receivable<'a> {
    sale: &'a Sale<'a>,
    number: u64,
    count: u64,
    amount: u64,
    payment: Payment,
    due: Moment,
    paid: Option<Moment>,
    canceled: Option<Moment>,
}

/// Appends `receivables` of a sale: null or empty for some, 1.5 on average.
pub(crate) fn write_all(sale: &Sale, doc: &mut Doc) {
    let mut rng = sale.world.rng("receivables", [sale.record.index]);
    let count = match rng.below(100) {
        0..5 => return put!(doc, "receivables": Null),
        5..7 => return put!(doc, "receivables": Json("[]")),
        7..72 => 1,
        72..86 => 2,
        86..94 => 3,
        94..98 => 4,
        _ => 6,
    };
    let total: u64 = sale.items.iter().map(|item| item.value()).sum();
    let payment = rng.pick(&PAYMENTS);
    doc.raw(", \"receivables\": [");
    for number in 0..count {
        doc.raw(if number == 0 { "" } else { ", " });
        let amount = total / count + if number == 0 { total % count } else { 0 };
        Receivable::of(sale, number, (count, amount), payment).write(doc);
    }
    doc.raw("]");
}

impl<'a> Receivable<'a> {
    fn of(sale: &'a Sale, number: u64, (count, amount): (u64, u64), payment: Payment) -> Self {
        let record = sale.record;
        let mut rng = sale.world.rng("receivable", [record.index, number, record.version]);
        let due = sale.sold.plus_days(30 * number as i64 + if payment.2 { 17 } else { 0 });
        let canceled = (number == 0 && sale.rare("canceled receivable", 24)).then(|| sale.sold.plus(90_000));
        let settled = canceled.is_none() && due < sale.world.seen(record).plus_days(-1) && rng.chance(94);
        let paid = settled.then(|| due.max(sale.sold).plus(rng.between(60, 20_000) as i64));
        Receivable { sale, number, count, amount, payment, due, paid, canceled }
    }

    fn rare(&self, name: &str, n: u64) -> bool {
        self.number == 0 && self.sale.rare(name, n)
    }

    fn has(&self, detail: usize) -> bool {
        let (name, n) = DETAILS[detail];
        self.rare(name, n)
    }

    fn id(&self) -> u64 {
        100_000_000 + 16 * self.sale.record.index + self.number
    }

    fn write(&self, doc: &mut Doc) {
        let late = self.due < self.sale.world.seen(self.sale.record);
        let status = match (self.canceled, self.paid) {
            (Some(_), _) => "{\"id\": 3, \"name\": \"canceled\"}",
            (None, Some(_)) => "{\"id\": 2, \"name\": \"received\"}",
            (None, None) if late => "{\"id\": 4, \"name\": \"overdue\"}",
            (None, None) => "{\"id\": 1, \"name\": \"opened\"}",
        };
        let touched = self.canceled.or(self.paid.map(|paid| paid.plus(2)));
        let recurring = matches!(self.sale.buyer, Buyer::Contract(..)) && self.count == 1;
        let full = !self.sale.lean;
        open!(doc, "idReceivable": self.id());
        if full {
            put!(doc, "description": self.sale.items.first().map(|item| item.description));
        }
        put!(doc, "registrationDate": self.sale.sold, "dueDate": self.due, "receivingDate": self.paid);
        if full {
            put!(doc, "competenceDate": self.due.month_start());
        }
        put!(doc, "cancellationDate": self.canceled);
        if full {
            put!(doc, "chargeDate": self.paid.filter(|_| self.payment.2).map(|paid| paid.plus(-58)));
        }
        put!(doc, "updateDate": touched, "ammount": Cents(self.amount),
            "ammountPaid": Cents(self.paid.map_or(0, |_| self.amount)), "status": Json(status),
            "currentInstallment": self.number + 1, "totalInstallments": if recurring { 12 } else { self.count });
        self.payer(doc);
        self.account(doc);
        self.card(doc, recurring);
        doc.raw("}");
    }

    fn payer(&self, doc: &mut Doc) {
        let (world, member, prospect) = (self.sale.world, self.sale.member(), self.sale.prospect);
        let person = match (member, prospect) {
            (Some(member), _) => world.person(Entity::Members, member),
            (None, prospect) => world.person(Entity::Prospects, prospect.unwrap_or_default()),
        };
        let authorization = self.payment.2.then_some(Quoted(|d: &mut Doc| {
            d.raw("A");
            d.padded(self.id() * 7 % 1_000_000, 6);
        }));
        put!(doc, "authorization": authorization, "payerName": Quoted(|d: &mut Doc| person.full_name(d)));
        if member.is_some() || !self.sale.lean {
            put!(doc, "idMemberPayer": member.map(|member| world.id(Entity::Members, member)));
        }
        if member.is_none() || !self.sale.lean {
            put!(doc, "idProspectPayer": prospect.map(|prospect| world.id(Entity::Prospects, prospect)));
        }
        put!(doc, "idBranchMember": self.sale.branch.id, "idSale": self.sale.id);
    }

    fn account(&self, doc: &mut Doc) {
        let (id, name, card) = self.payment;
        if !self.sale.lean {
            let bank = ["{\"id\": 4, \"name\": \"Conta principal\"}", "{\"id\": 6, \"name\": \"Caixa da recepção\"}"];
            put!(doc, "bankAccount": Json(bank[usize::from(id == 3)]));
        }
        put!(doc, "paymentType": With(|d: &mut Doc| {
            open!(d, "id": id, "name": name);
            d.raw("}");
        }));
        if !self.sale.lean {
            let fees = if card { self.amount * 2 / 100 } else { 0 };
            put!(doc, "invoiceDetails": With(|d: &mut Doc| self.invoices(d)), "fees": Cents(fees),
                "conciliated": self.sale.record.index.is_multiple_of(5), "logTef": With(|d: &mut Doc| self.tef(d)));
        }
    }

    fn tef(&self, doc: &mut Doc) {
        if !self.has(1) {
            return doc.raw("null");
        }
        open!(doc, "authorization": "000123", "tefId": Quoted(|d: &mut Doc| d.number(self.id() * 3)),
            "merchantCheckoutGuid": "5f0c1c1e-3a7b-4c1e-9d52-0b8a6a1f7e21");
        doc.raw("}");
    }

    fn invoices(&self, doc: &mut Doc) {
        if !self.has(0) {
            return doc.raw("[]");
        }
        doc.raw("[");
        open!(doc, "invoiceNumber": Quoted(|d: &mut Doc| d.number(self.sale.record.index + 1_000)),
            "issuedAmount": Cents(self.amount), "status": "Autorizada", "sendDate": self.sale.sold.plus(600),
            "canceledDate": Null, "urlPdf": Quoted(|d: &mut Doc| {
                d.raw("https://notas.exemplo.com.br/");
                d.number(self.id());
                d.raw(".pdf");
            }), "idInvoiceType": 1u64, "invoiceType": "NFS-e");
        doc.raw("}]");
    }

    fn card(&self, doc: &mut Doc, recurring: bool) {
        // One card pays all installments.
        let mut rng = self.sale.world.rng("card", [self.sale.record.index]);
        let (acquirer, flag) = (rng.pick(&["Cielo", "Rede", "Stone", "Getnet"]), rng.pick(&["Visa", "Master", "Elo"]));
        let random = self.sale.world.rng("transaction", [self.id()]).next();
        let card = |inside: fn(&mut Doc, u64)| self.payment.2.then_some(Quoted(move |d: &mut Doc| inside(d, random)));
        let token = self.rare("transaction token", 20);
        put!(doc, "tid": card(|d, random| {
                d.raw("100699306900");
                d.padded(random % 100_000_000, 8);
            }), "nsu": card(|d, random| d.padded(random / 1_000_000 % 1_000_000_000, 9)));
        if !self.sale.lean {
            put!(doc, "idReceivableFrom": self.has(3).then(|| self.id() + 8));
        }
        put!(doc, "cardAcquirer": self.payment.2.then_some(acquirer), "cardFlag": self.payment.2.then_some(flag));
        if !self.sale.lean {
            put!(doc, "creditDetails": With(|d: &mut Doc| self.credits(d)));
        }
        if !self.sale.old_payload {
            put!(doc, "transactionToken": token.then_some(Quoted(|d: &mut Doc| {
                d.raw("tok_");
                d.number(random);
            })));
        }
        if !self.sale.lean {
            let reason = self.canceled.map(|_| "Estorno solicitado pelo aluno: \"duplicidade\"");
            put!(doc, "cancellationDescription": reason, "source": if recurring { "Recorrência" } else { "Venda" },
                "saleDate": self.sale.sold);
        }
    }

    fn credits(&self, doc: &mut Doc) {
        if !self.has(2) {
            return doc.raw("[]");
        }
        doc.raw("[");
        open!(doc, "idCredit": 800_000 + self.sale.record.index, "idCancelationCredit": Null,
            "idBranchOrigin": self.sale.branch.id, "ammount": Cents(self.amount / 2),
            "branchDocument": "00.000.000/0001-00", "idSaleOrigin": Null, "idReceivableOrigin": Null);
        doc.raw("}]");
    }
}
