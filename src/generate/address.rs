//! Addresses and telephone numbers of members and prospects.

use super::doc::{Doc, Quoted, Value};
use super::places::{Branch, NEIGHBORHOODS, STREETS};
use super::prng::Rng;

/// Where somebody lives; every part may be unknown.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) street: Option<&'static str>,
    pub(super) number: Option<u64>,
    pub(super) complement: Option<&'static str>,
    pub(super) neighborhood: Option<&'static str>,
    pub(super) zip: Option<u64>,
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
    pub(super) fn near(branch: &Branch, known: u64, rng: &mut Rng) -> Self {
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
    pub(super) fn number(&self) -> Option<impl Value> {
        self.number.map(|number| Quoted(move |d: &mut Doc| d.number(number)))
    }

    /// The zip code, `83005-000`.
    pub(super) fn zip(&self) -> Option<impl Value> {
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
pub(super) fn mobile(doc: &mut Doc, area: u64, random: u64) {
    doc.number(area);
    doc.raw(" 9");
    doc.padded(random % 10_000, 4);
    doc.raw("-");
    doc.padded(random / 10_000 % 10_000, 4);
}

/// Appends the inside of a landline number: `41 3312-0940`.
pub(super) fn landline(doc: &mut Doc, area: u64, random: u64) {
    doc.number(area);
    doc.raw(" 3");
    doc.padded(random % 1_000, 3);
    doc.raw("-");
    doc.padded(random / 1_000 % 10_000, 4);
}
