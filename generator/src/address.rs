//! Addresses and telephone numbers of members and prospects.

use crate::doc::{Doc, Quoted, Value};
use crate::places::{Branch, NEIGHBORHOODS, STREETS};
use crate::prng::Rng;

/// Where somebody lives; every part may be unknown.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) street: Option<&'static str>,
    pub(crate) number: Option<u64>,
    pub(crate) complement: Option<&'static str>,
    pub(crate) neighborhood: Option<&'static str>,
    pub(crate) zip: Option<u64>,
}

const COMPLEMENTS: [&str; 12] = [
    "Apto 42",
    "Bloco B, apto 301",
    "Casa 2",
    "Fundos",
    "Sobrado",
    "Sala 1105",
    "Condomínio \"Morada do Sol\"",
    "Em frente à padaria",
    "Bloco 3\tApto 12",
    "Próximo ao posto\nPortão azul",
    "Caixa postal 12\\3",
    "Cobertura 🏠",
];

impl Address {
    /// An address near `branch`, of which `known` percent of the parts are known.
    pub(crate) fn near(branch: &Branch, known: u64, rng: &mut Rng) -> Self {
        let street = rng.pick(&STREETS);
        let any = rng.chance(known);
        Self {
            street: any.then_some(street),
            number: (rng.between(1, 3_999), any && rng.chance(96)).some(),
            complement: (rng.pick(&COMPLEMENTS), any && rng.chance(35)).some(),
            neighborhood: (rng.pick(&NEIGHBORHOODS), any && rng.chance(90)).some(),
            zip: (branch.zip * 100_000 + rng.below(100_000), any && rng.chance(92)).some(),
        }
    }

    /// The house number, which the API sends as text.
    pub(crate) fn number(&self) -> Option<impl Value> {
        self.number.map(|number| Quoted(move |d: &mut Doc| d.number(number)))
    }

    /// The zip code, `83005-000`; `None` if it is unknown.
    pub(crate) fn zip(&self) -> Option<impl Value> {
        self.zip.map(|zip| {
            Quoted(move |d: &mut Doc| {
                d.padded(zip / 1_000, 5);
                d.raw("-");
                d.padded(zip % 1_000, 3);
            })
        })
    }
}

trait Known<T> {
    fn some(self) -> Option<T>;
}

impl<T> Known<T> for (T, bool) {
    fn some(self) -> Option<T> {
        self.1.then_some(self.0)
    }
}

/// Appends the inside of a mobile number: `41 99812-3344`.
pub(crate) fn mobile(doc: &mut Doc, area: u64, random: u64) {
    doc.number(area);
    doc.raw(" 9");
    doc.padded(random % 10_000, 4);
    doc.raw("-");
    doc.padded(random / 10_000 % 10_000, 4);
}

/// Appends the inside of a landline number: `41 3312-0940`.
pub(crate) fn landline(doc: &mut Doc, area: u64, random: u64) {
    doc.number(area);
    doc.raw(" 3");
    doc.padded(random % 1_000, 3);
    doc.raw("-");
    doc.padded(random / 1_000 % 10_000, 4);
}
