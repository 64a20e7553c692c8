//! Free text: what people type into notes, and prose to pad documents with.

use crate::doc::Doc;
use crate::prng::Rng;

/// Notes with everything that must be escaped or encoded: quotes, backslashes, tabs, line ends, emoji.
pub(crate) const NOTES: [&str; 16] = [
    "Promoção de inverno",
    "Pediu \"plano família\" e desconto\nLigar depois das 18h",
    "Arquivo em \\\\servidor\\contratos\\2023",
    "Aniversariante do mês 🎉",
    "Produto\tQtd\tValor\nÁgua\t2\t9,00",
    "Indicação do(a) colega; isenção da matrícula",
    "Cliente não quer e-mail nem WhatsApp",
    "Atestado médico entregue até 12/03 (cardiologista)",
    "Troca de unidade a pedido: mudança de bairro",
    "Pagou em dinheiro, troco de R$ 20,00",
    "Treino só de manhã – joelho operado 🦵",
    "Renovação automática; confirmou por telefone\r\nFalou com a recepção",
    "Convênio empresa: apresentar crachá",
    "\"Não perturbe\" – retornar em 30 dias",
    "Voltou depois de 6 meses 💪🏽",
    "Observação: {\"origem\": \"site\", \"cupom\": \"VERÃO10\"}",
];

const PROSE: [&str; 24] = [
    "A academia abre às seis da manhã e fecha às onze da noite. ",
    "O aluno pediu para trocar o horário da avaliação física. ",
    "Conversamos com a recepção sobre a renovação do contrato. ",
    "Ficou combinado que a próxima cobrança será no dia cinco. ",
    "Não houve resposta ao e-mail enviado na semana passada. ",
    "A matrícula foi feita durante a promoção de inverno. ",
    "O instrutor recomendou três treinos por semana. ",
    "Há uma pendência no cartão cadastrado pelo responsável. ",
    "O vestiário do segundo andar está em manutenção. ",
    "Pediu informações sobre natação, pilates e ginástica. ",
    "A avaliação mostrou boa evolução de força e resistência. ",
    "Solicitou o congelamento do plano por trinta dias. ",
    "O desconto do convênio vale até o fim do semestre. ",
    "Deixou a garrafa de água e a toalha no armário doze. ",
    "A catraca não reconheceu a biometria na primeira tentativa. ",
    "Foi orientado a atualizar o aplicativo no celular. ",
    "Quer incluir a irmã como dependente no plano família. ",
    "O pagamento foi confirmado pela operadora do cartão. ",
    "Prefere contato por mensagem depois das dezoito horas. ",
    "A aula experimental ficou marcada para segunda-feira. ",
    "Elogiou a equipe e a limpeza da unidade. ",
    "Reclamou do som alto na área de musculação. ",
    "O atestado médico vence em noventa dias. ",
    "Retornar a ligação para tratar da mudança de unidade. ",
];

/// Pads the last document in `doc`, which begins at `begin`, to about `bytes` with prose at the place it
/// named.
///
/// The document ends between 0 and 3 bytes under the target, or stays as it is when it is longer or named no
/// place.
pub(crate) fn pad(doc: &mut Doc, begin: usize, bytes: usize, rng: &mut Rng) {
    let Some(at) = doc.pad_at.take() else { return };
    let Some(missing) = bytes.checked_sub(doc.out.len() - begin).filter(|missing| *missing > 0) else { return };
    let mut prose = String::with_capacity(missing + 64);
    while prose.len() < missing {
        prose.push_str(rng.pick(&PROSE));
    }
    prose.truncate(prose.floor_char_boundary(missing));
    doc.out.splice(at..at, prose.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_padded_to_the_size_asked_for() {
        for bytes in [30, 31, 500, 501, 502, 503, 9_000] {
            let mut doc = Doc { out: b"earlier line\n{\"notes\": \"\", \"b\": 1}".to_vec(), ..Doc::default() };
            doc.pad_at = Some(24);
            pad(&mut doc, 13, bytes, &mut Rng::of([1]));
            let line = std::str::from_utf8(&doc.out[13..]).unwrap();
            assert!((bytes - 3..=bytes).contains(&line.len()), "{bytes}: {}", line.len());
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["b"], 1);
        }
    }

    #[test]
    fn a_document_that_is_long_enough_is_left_alone() {
        let mut doc = Doc { out: b"{\"notes\": \"\"}".to_vec(), pad_at: Some(11), ..Doc::default() };
        pad(&mut doc, 0, 5, &mut Rng::of([1]));
        assert_eq!(doc.out, b"{\"notes\": \"\"}");
    }
}
