//! Lines that cannot be staged, made from a document.

use crate::doc::Doc;
use crate::entity::Entity;

/// The defect of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NotJson,
    CutLine,
    NulEscape,
    LoneSurrogate,
    InvalidUtf8,
    MissingKey,
    TextKey,
    HugeNumber,
}

const ROTATION: [Fault; 8] = [
    Fault::NotJson,
    Fault::CutLine,
    Fault::NulEscape,
    Fault::LoneSurrogate,
    Fault::InvalidUtf8,
    Fault::MissingKey,
    Fault::TextKey,
    Fault::HugeNumber,
];

/// Breaks the document that ends `doc` and begins at `begin`; `rank` chooses how.
pub(crate) fn mangle(doc: &mut Doc, begin: usize, entity: Entity, rank: u64) {
    let tail = |doc: &mut Doc, bytes: &[u8]| {
        doc.out.pop();
        doc.out.extend_from_slice(b", \"extra\": ");
        doc.out.extend_from_slice(bytes);
        doc.out.push(b'}');
    };
    match ROTATION[(rank % ROTATION.len() as u64) as usize] {
        Fault::NotJson => {
            doc.out.truncate(begin);
            doc.raw("<html><head><title>502 Bad Gateway</title></head></html>");
        }
        Fault::CutLine => doc.out.truncate(begin + (doc.out.len() - begin) / 2),
        Fault::NulEscape => tail(doc, b"\"a\\u0000b\""),
        Fault::LoneSurrogate => tail(doc, b"\"a\\ud83db\""),
        Fault::InvalidUtf8 => tail(doc, b"\"a\xffb\""),
        Fault::HugeNumber => tail(doc, b"1e400000"),
        Fault::MissingKey => {
            let end = value_end(&doc.out, begin) + 2;
            doc.out.drain(begin + 1..end);
        }
        Fault::TextKey => {
            let text: &[u8] = if entity == Entity::Entries { b"\"ontem cedo\"" } else { b"\"M-17\"" };
            let value = memchr::memchr(b' ', &doc.out[begin..]).map_or(begin, |space| begin + space + 1);
            let end = value_end(&doc.out, begin);
            doc.out.splice(value..end, text.iter().copied());
        }
    }
}

/// Where the value of the document's first key ends.
fn value_end(out: &[u8], begin: usize) -> usize {
    memchr::memchr(b',', &out[begin..]).map_or(out.len(), |comma| begin + comma)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mangled(document: &str, entity: Entity, rank: u64) -> Vec<u8> {
        let mut doc = Doc { out: format!("x\n{document}").into_bytes(), ..Doc::default() };
        mangle(&mut doc, 2, entity, rank);
        doc.out.split_off(2)
    }

    #[test]
    fn every_fault_breaks_a_line_in_its_own_way() {
        let document = "{\"idMember\": 12, \"firstName\": \"Zoé\", \"n\": 1}";
        let line = |rank| mangled(document, Entity::Members, rank);
        assert!(line(0).starts_with(b"<html>"));
        assert_eq!(line(1), &document.as_bytes()[..document.len() / 2]);
        assert!(line(2).ends_with(b"\"n\": 1, \"extra\": \"a\\u0000b\"}"));
        assert!(line(3).ends_with(b"\"a\\ud83db\"}"));
        assert!(std::str::from_utf8(&line(4)).is_err());
        assert_eq!(line(5), "{\"firstName\": \"Zoé\", \"n\": 1}".as_bytes());
        assert_eq!(line(6), "{\"idMember\": \"M-17\", \"firstName\": \"Zoé\", \"n\": 1}".as_bytes());
        assert!(line(7).ends_with(b"1e400000}"));
        assert_eq!(line(8), line(0));
    }

    #[test]
    fn a_broken_entry_loses_its_date() {
        let document = "{\"date\": \"2024-03-18T06:12:45\", \"idMember\": 12}";
        assert_eq!(mangled(document, Entity::Entries, 5), b"{\"idMember\": 12}");
        assert_eq!(mangled(document, Entity::Entries, 6), b"{\"date\": \"ontem cedo\", \"idMember\": 12}");
    }
}
