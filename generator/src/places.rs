//! Branches, their employees, and the addresses around them.

use crate::names::Person;
use crate::prng::Rng;

/// A gym of the chain.
#[derive(Debug)]
pub(crate) struct Branch {
    /// `idBranch`.
    pub(crate) id: u64,
    /// `branchName`.
    pub(crate) name: &'static str,
    /// The city in which it lies.
    pub(crate) city: &'static str,
    /// Its state, two letters.
    pub(crate) state: &'static str,
    /// Area code of telephone numbers.
    pub(crate) area: u64,
    /// First three digits of its zip codes.
    pub(crate) zip: u64,
    /// Time zone of its clocks, and the label of Windows for it.
    pub(crate) zone: [&'static str; 2],
}

const SAO_PAULO: [&str; 2] = ["America/Sao_Paulo", "E. South America Standard Time"];
const MANAUS: [&str; 2] = ["America/Manaus", "SA Western Standard Time"];
const ACRE: [&str; 2] = ["America/Rio_Branco", "SA Pacific Standard Time"];
const BAHIA: [&str; 2] = ["America/Bahia", "Bahia Standard Time"];

/// Name, city, state, area code, zip prefix.
type Row = (&'static str, &'static str, &'static str, u64, u64);

const ROWS: [Row; 40] = [
    ("Aurora Fit - Centro", "Curitiba", "PR", 41, 800),
    ("Aurora Fit - Água Verde", "Curitiba", "PR", 41, 802),
    ("Aurora Fit - Batel", "Curitiba", "PR", 41, 804),
    ("Aurora Fit - São José dos Pinhais", "São José dos Pinhais", "PR", 41, 830),
    ("Aurora Fit - Colombo", "Colombo", "PR", 41, 834),
    ("Aurora Fit - Ponta Grossa", "Ponta Grossa", "PR", 42, 840),
    ("Aurora Fit - Londrina", "Londrina", "PR", 43, 860),
    ("Aurora Fit - Maringá", "Maringá", "PR", 44, 870),
    ("Aurora Fit - Foz do Iguaçu", "Foz do Iguaçu", "PR", 45, 858),
    ("Aurora Fit - Florianópolis", "Florianópolis", "SC", 48, 880),
    ("Aurora Fit - Joinville", "Joinville", "SC", 47, 892),
    ("Aurora Fit - Blumenau", "Blumenau", "SC", 47, 890),
    ("Aurora Fit - Chapecó", "Chapecó", "SC", 49, 898),
    ("Aurora Fit - Porto Alegre", "Porto Alegre", "RS", 51, 900),
    ("Aurora Fit - Caxias do Sul", "Caxias do Sul", "RS", 54, 950),
    ("Aurora Fit - Tatuapé", "São Paulo", "SP", 11, 33),
    ("Aurora Fit - Vila Mariana", "São Paulo", "SP", 11, 40),
    ("Aurora Fit - Consolação", "São Paulo", "SP", 11, 13),
    ("Aurora Fit - Guarulhos", "Guarulhos", "SP", 11, 70),
    ("Aurora Fit - Santo André", "Santo André", "SP", 11, 90),
    ("Aurora Fit - Santos", "Santos", "SP", 13, 110),
    ("Aurora Fit - Campinas", "Campinas", "SP", 19, 130),
    ("Aurora Fit - Ribeirão Preto", "Ribeirão Preto", "SP", 16, 140),
    ("Aurora Fit - São José dos Campos", "São José dos Campos", "SP", 12, 122),
    ("Aurora Fit - Copacabana", "Rio de Janeiro", "RJ", 21, 220),
    ("Aurora Fit - Niterói", "Niterói", "RJ", 21, 240),
    ("Aurora Fit - Vitória", "Vitória", "ES", 27, 290),
    ("Aurora Fit - Belo Horizonte \"Savassi\"", "Belo Horizonte", "MG", 31, 301),
    ("Aurora Fit - Uberlândia", "Uberlândia", "MG", 34, 384),
    ("Aurora Fit - Brasília", "Brasília", "DF", 61, 700),
    ("Aurora Fit - Goiânia", "Goiânia", "GO", 62, 740),
    ("Aurora Fit - Salvador", "Salvador", "BA", 71, 400),
    ("Aurora Fit - Aracaju", "Aracaju", "SE", 79, 490),
    ("Aurora Fit - Maceió", "Maceió", "AL", 82, 570),
    ("Aurora Fit - Recife", "Recife", "PE", 81, 500),
    ("Aurora Fit - Fortaleza", "Fortaleza", "CE", 85, 600),
    ("Aurora Fit - São Luís", "São Luís", "MA", 98, 650),
    ("Aurora Fit - Belém", "Belém", "PA", 91, 660),
    ("Aurora Fit - Manaus", "Manaus", "AM", 92, 690),
    ("Aurora Fit - Rio Branco", "Rio Branco", "AC", 68, 699),
];

/// How many branches there are.
pub(crate) const BRANCHES: u64 = ROWS.len() as u64;

/// The branch at `index` (modulo their number).
pub(crate) fn branch(index: u64) -> Branch {
    let (name, city, state, area, zip) = ROWS[(index % BRANCHES) as usize];
    let zone = match state {
        "AM" => MANAUS,
        "AC" => ACRE,
        "BA" => BAHIA,
        _ => SAO_PAULO,
    };
    Branch { id: 12 + 3 * (index % BRANCHES), name, city, state, area, zip, zone }
}

/// How many people work in a branch.
pub(crate) const STAFF: u64 = 5;

/// Somebody who works at a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Employee {
    /// `idEmployee`.
    pub(crate) id: u64,
    /// Name and sex.
    pub(crate) person: Person,
}

/// The employee at `index` over all branches: branch `index / STAFF`. Names do not depend on the seed.
pub(crate) fn employee(index: u64) -> Employee {
    let index = index % (BRANCHES * STAFF);
    Employee { id: 301 + index, person: Person::of([0x656d_706c, index]) }
}

/// Somebody who works at the branch at `branch`.
pub(crate) fn employee_of(branch: u64, rng: &mut Rng) -> Employee {
    employee(branch % BRANCHES * STAFF + rng.below(STAFF))
}

/// Streets that every city has.
#[rustfmt::skip]
pub(crate) const STREETS: [&str; 32] = [
    "Rua das Acácias", "Avenida Paraná", "Rua XV de Novembro", "Rua Sete de Setembro", "Avenida São João",
    "Rua Tiradentes", "Travessa do Sabiá", "Rua Marechal Deodoro", "Avenida Getúlio Vargas", "Rua Dom Pedro II",
    "Rua Santos Dumont", "Alameda dos Ipês", "Rua Barão do Rio Branco", "Avenida Brasil", "Rua José Bonifácio",
    "Rua São Sebastião", "Rua das Palmeiras", "Avenida Independência", "Rua Rui Barbosa", "Rua Duque de Caxias",
    "Praça da República", "Rua Castro Alves", "Rua Nossa Senhora da Conceição", "Estrada da Graciosa",
    "Rua Júlio de Castilhos", "Rua Conselheiro Araújo", "Avenida Água Verde", "Rua Benjamin Constant",
    "Rua Bento Gonçalves", "Rodovia BR-116, km 98", "Rua Padre Anchieta", "Rua Itália",
];

/// Neighborhoods that every city has.
#[rustfmt::skip]
pub(crate) const NEIGHBORHOODS: [&str; 20] = [
    "Centro", "Água Verde", "Jardim América", "Vila Nova", "Boa Vista", "São Cristóvão", "Santa Cecília", "Batel",
    "Cidade Industrial", "Jardim das Américas", "Vila São José", "Industrial", "Santo Antônio", "Alto da Glória",
    "Bela Vista", "Portão", "Capão Raso", "Mercês", "Bom Retiro", "Jardim Botânico",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn branches_and_employees_have_ids_of_their_own() {
        let ids: HashSet<u64> = (0..BRANCHES).map(|i| branch(i).id).collect();
        let names: HashSet<&str> = (0..BRANCHES).map(|i| branch(i).name).collect();
        let staff: HashSet<u64> = (0..BRANCHES * STAFF).map(|i| employee(i).id).collect();
        assert_eq!((ids.len(), names.len(), staff.len()), (40, 40, 200));
        assert_eq!(branch(BRANCHES + 1).id, branch(1).id);
    }
}
