//! The shape of documents: bytes, sizes, sums and references.

use std::collections::{HashMap, HashSet};
use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use super::{documents, lines, small, written};
use crate::{Entity, Plan, Portion};

/// The separators of Python's `json.dumps`.
struct Python;

impl serde_json::ser::Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[test]
fn lines_are_written_as_python_writes_them() {
    let (_lake, summary, objects) = written(&small([300, 600, 900, 300]));
    for entity in Entity::ALL {
        let lines = lines(&objects, entity);
        assert_eq!(lines.len() as u64, summary.of(entity).records);
        for line in lines {
            let value: Value = serde_json::from_slice(line).unwrap();
            let mut spaced = Vec::new();
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut spaced, Python)).unwrap();
            assert_eq!(std::str::from_utf8(line).unwrap(), std::str::from_utf8(&spaced).unwrap());
        }
    }
    assert!(objects.values().all(|bytes| !bytes.ends_with(b"\n") && !bytes.is_empty()));
    let text = |entity| String::from_utf8(lines(&objects, entity).concat()).unwrap();
    let sales = text(Entity::Sales);
    for part in ["\\n", "\\t", "\\\\", "\\\"", "🎉", "ção", "\"ammount\": ", "\"corporateDiscount\": 0,"] {
        assert!(sales.contains(part), "{part}");
    }
}

#[test]
fn documents_have_the_sizes_of_the_real_ones() {
    let plan = small([2_000, 8_000, 8_000, 500]);
    let mean = |plan: &Plan, entity| {
        let (_lake, summary, _) = written(&Plan { entities: vec![entity], ..plan.clone() });
        summary.of(entity).bytes / summary.of(entity).lines
    };
    let sales = mean(&plan, Entity::Sales);
    assert!((2_250..2_600).contains(&sales), "{sales}");
    let members = mean(&plan, Entity::Members);
    assert!((3_700..4_500).contains(&members), "{members}");
    let entries = mean(&plan, Entity::Entries);
    assert!((380..480).contains(&entries), "{entries}");
    let padded = Plan { document_bytes: Some(6_900), ..plan };
    let members = mean(&padded, Entity::Members);
    assert!((6_850..7_200).contains(&members), "{members}");
    let prospects = mean(&padded, Entity::Prospects);
    assert!((6_890..6_905).contains(&prospects), "{prospects}");
}

#[test]
fn a_sale_has_the_usual_number_of_items_and_receivables_and_its_money_adds_up() {
    let sales = documents(&small([1_000, 4_000, 10, 100]), Entity::Sales);
    let length = |d: &Value, key: &str| d[key].as_array().map_or(0, Vec::len);
    let mean = |key: &str| sales.iter().map(|d| length(d, key)).sum::<usize>() as f64 / sales.len() as f64;
    assert!((1.2..1.3).contains(&mean("saleItens")), "{}", mean("saleItens"));
    assert!((1.4..1.6).contains(&mean("receivables")), "{}", mean("receivables"));
    let sum = |d: &Value, array: &str, key: &str| {
        let items = d[array].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| (item[key].as_f64().unwrap() * 100.0).round() as i64).sum::<i64>()
    };
    for sale in sales.iter().filter(|d| length(d, "receivables") > 0) {
        assert_eq!(sum(sale, "saleItens", "saleValue"), sum(sale, "receivables", "ammount"));
    }
}

#[test]
fn ids_are_unique_and_refer_to_what_exists() {
    let plan = Plan { runs: 2, new: Portion::percent(10), only_changed: true, ..small([500, 2_000, 3_000, 200]) };
    let all = Entity::ALL.map(|entity| documents(&plan, entity));
    let newest = |entity: Entity, key: &str| -> HashMap<u64, &Value> {
        all[entity as usize].iter().map(|d| (d[key].as_u64().unwrap(), d)).collect()
    };
    let (members, sales) = (newest(Entity::Members, "idMember"), newest(Entity::Sales, "idSale"));
    let prospects = newest(Entity::Prospects, "idProspect");
    assert_eq!((members.len(), sales.len(), prospects.len()), (550, 2_200, 220));
    let known = |ids: &HashMap<u64, &Value>, id: &Value| id.is_null() || ids.contains_key(&id.as_u64().unwrap());
    let elements = |d: &Value, key: &str| d[key].as_array().cloned().unwrap_or_default();
    let mut seen = HashSet::new();
    let mut contracts = HashMap::new();
    for (id, member) in &members {
        for contract in elements(member, "memberships") {
            let sale = &contract["idSale"];
            assert!(seen.insert(("contract", contract["idMemberMembership"].clone())));
            assert!(known(&sales, sale));
            if !sale.is_null() {
                assert_eq!(sales[&sale.as_u64().unwrap()]["idMember"].as_u64(), Some(*id));
                assert_eq!(sales[&sale.as_u64().unwrap()]["saleDate"], contract["saleDate"]);
                contracts.insert(sale.as_u64().unwrap(), contract);
            }
        }
        elements(member, "contacts").iter().for_each(|c| assert!(seen.insert(("contact", c["idPhone"].clone()))));
    }
    let mut signed = 0;
    for (id, sale) in &sales {
        assert!(known(&members, &sale["idMember"]) && known(&prospects, &sale["idProspect"]));
        assert_ne!(sale["idMember"].is_null(), sale["idProspect"].is_null());
        for item in elements(sale, "saleItens") {
            assert!(seen.insert(("item", item["idSaleItem"].clone())));
            if !item["idMemberMembership"].is_null() {
                signed += 1;
                assert_eq!(item["idMemberMembership"], contracts[id]["idMemberMembership"]);
                assert_eq!(item["idMembership"], contracts[id]["idMembership"]);
            }
        }
        elements(sale, "receivables").iter().for_each(|r| assert!(seen.insert(("due", r["idReceivable"].clone()))));
    }
    assert_eq!(signed, contracts.len());
    assert!(contracts.len() > 500);
    for entry in &all[Entity::Entries as usize] {
        assert!(known(&members, &entry["idMember"]) && known(&prospects, &entry["idProspect"]));
    }
    for (_, prospect) in prospects {
        assert!(known(&members, &prospect["idMember"]));
    }
}
