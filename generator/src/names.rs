//! Names of people, stable for ever: the same index and kind give the same person in every document.

use crate::doc::Doc;
use crate::prng::Rng;

#[rustfmt::skip]
const FEMALE: [&str; 48] = [
    "Maria", "Ana", "Mariana", "Júlia", "Beatriz", "Letícia", "Camila", "Fernanda", "Amanda", "Bruna", "Larissa",
    "Thaís", "Patrícia", "Luíza", "Helena", "Isabela", "Gabriela", "Raquel", "Débora", "Vanessa", "Aline", "Tatiane",
    "Cláudia", "Sônia", "Mônica", "Verônica", "Antônia", "Conceição", "Inês", "Lívia", "Sofia", "Alice", "Laura",
    "Valentina", "Manuela", "Yasmin", "Rafaela", "Natália", "Carolina", "Priscila", "Simone", "Adriana", "Márcia",
    "Rosângela", "Eloá", "Ágatha", "Estefânia", "Zélia",
];

#[rustfmt::skip]
const MALE: [&str; 48] = [
    "José", "João", "Antônio", "Francisco", "Carlos", "Paulo", "Pedro", "Lucas", "Luís", "Marcos", "Gabriel",
    "Rafael", "Daniel", "Marcelo", "Bruno", "Eduardo", "Felipe", "Rodrigo", "Gustavo", "André", "Fábio", "Leonardo",
    "Thiago", "Márcio", "Sérgio", "Vinícius", "Mateus", "Matheus", "Caio", "Otávio", "Heitor", "Davi", "Arthur",
    "Miguel", "Bernardo", "Enzo", "Joaquim", "Benício", "Murilo", "Cauã", "Ícaro", "Ângelo", "Raí", "Émerson",
    "Wellington", "Washington", "Júlio", "Flávio",
];

#[rustfmt::skip]
const LAST: [&str; 64] = [
    "da Silva", "dos Santos", "de Oliveira", "Souza", "Rodrigues", "Ferreira", "Alves", "Pereira", "Lima", "Gomes",
    "Costa", "Ribeiro", "Martins", "Carvalho", "de Almeida", "Lopes", "Soares", "Fernandes", "Vieira", "Barbosa",
    "Rocha", "Dias", "do Nascimento", "de Andrade", "Moreira", "Nunes", "Marques", "Machado", "Mendes", "Freitas",
    "Cardoso", "Ramos", "Gonçalves", "Santana", "Teixeira", "Araújo", "Pinto", "Correia", "Magalhães", "Simões",
    "Guimarães", "Brandão", "Falcão", "Galvão", "Bragança", "Sá", "Conceição", "Assunção", "Ávila", "Luz", "Leão",
    "Queiróz", "Müller", "Kowalski", "Schneider", "Yamamoto", "Nakamura", "D'Ávila", "Sant'Anna", "Bianchi",
    "Mazzuchelli", "Abrão", "Paixão", "Negrão",
];

/// A person's name and sex.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    /// `F` or `M`.
    pub(crate) gender: &'static str,
    /// The first name.
    pub(crate) first: &'static str,
    last: [&'static str; 2],
}

impl Person {
    /// The person whom `words` stand for.
    pub(crate) fn of<const N: usize>(words: [u64; N]) -> Self {
        let mut rng = Rng::of(words);
        let female = rng.chance(54);
        let first = rng.pick(if female { &FEMALE } else { &MALE });
        Person { gender: if female { "F" } else { "M" }, first, last: [rng.pick(&LAST), rng.pick(&LAST)] }
    }

    /// Appends the last names.
    pub(crate) fn last_name(self, doc: &mut Doc) {
        doc.text(self.last[0]);
        doc.raw(" ");
        doc.text(self.last[1]);
    }

    /// Appends the whole name.
    pub(crate) fn full_name(self, doc: &mut Doc) {
        doc.text(self.first);
        doc.raw(" ");
        self.last_name(doc);
    }

    /// Appends an e-mail address that only this person has; `id` makes it so.
    pub(crate) fn email(self, doc: &mut Doc, id: u64) {
        doc.handle(self.first);
        doc.raw(".");
        doc.handle(self.last[1]);
        doc.number(id % 100_000);
        doc.raw(["@exemplo.com.br", "@correio.exemplo.com", "@exemplo.net.br"][(id % 3) as usize]);
    }
}

/// Appends eleven digits that look like a CPF and can be nobody's: the first check digit is wrong.
pub(crate) fn cpf(doc: &mut Doc, number: u64) {
    let begin = doc.out.len();
    doc.padded(number % 1_000_000_000, 9);
    let weighted: u64 =
        doc.out[begin..].iter().zip((2..=10).rev()).map(|(b, weight)| u64::from(b - b'0') * weight).sum();
    let check = match weighted % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    doc.number((check + 1) % 10);
    doc.number(number / 1_000_000_000 % 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_whenever_asked_for() {
        let name = |i| {
            let mut doc = Doc::default();
            Person::of([1, i]).full_name(&mut doc);
            String::from_utf8(doc.out).unwrap()
        };
        assert_eq!(name(5), name(5));
        assert!((0..100).map(name).any(|n| !n.is_ascii()));
    }

    #[test]
    fn an_invented_cpf_fails_its_check_digit() {
        // 390.533.447-05 is the textbook example of a valid number.
        let mut doc = Doc::default();
        cpf(&mut doc, 390_533_447);
        assert_eq!(String::from_utf8(doc.out).unwrap(), "39053344710");
    }

    #[test]
    fn an_address_of_a_person_is_plain_ascii() {
        let mut doc = Doc::default();
        (0..500).for_each(|i| Person::of([i]).email(&mut doc, i));
        assert!(doc.out.is_ascii());
    }
}
