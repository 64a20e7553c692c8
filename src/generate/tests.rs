//! What readers of a generated lake rely on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::*;

/// Every object of a lake, by path below it, decompressed.
fn objects(lake: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    let mut folders = vec![lake.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = Vec::new();
            let file = fs::File::open(&path).unwrap();
            if path.extension().is_some_and(|e| e == "gz") {
                flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
            } else {
                bytes = fs::read(&path).unwrap();
            }
            objects.insert(path.strip_prefix(lake).unwrap().to_str().unwrap().to_owned(), bytes);
        }
    }
    objects
}

fn written(plan: &Plan) -> (tempfile::TempDir, Summary, BTreeMap<String, Vec<u8>>) {
    let lake = tempfile::tempdir().unwrap();
    let summary = write_lake(lake.path(), plan).unwrap();
    let objects = objects(lake.path());
    (lake, summary, objects)
}

fn small(records: [u64; 4]) -> Plan {
    Plan { records: Records(records), gzip_level: 1, ..Plan::default() }
}

/// The lines of an entity in the order of reading: runs, then objects, then lines.
fn lines(objects: &BTreeMap<String, Vec<u8>>, entity: Entity) -> Vec<&[u8]> {
    let of = |path: &String| path.contains(&format!("entity={entity}/")) && path.ends_with(".jsonl.gz");
    objects.iter().filter(|(path, _)| of(path)).flat_map(|(_, bytes)| bytes.split(|b| *b == b'\n')).collect()
}

fn documents(plan: &Plan, entity: Entity) -> Vec<Value> {
    let (_lake, _, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
    lines(&objects, entity).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// Collects the paths of all leaves that are not null: `memberships[].freezes[].reason`.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{path}[]"), found)),
        _ => {
            found.insert(path.to_owned());
        }
    }
}

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

const MEMBER: &str = "idMember firstName lastName registerName registerLastName usePreferredName registerDate idBranch \
    branchName accessBlocked blockedReason document documentId cpf passport maritalStatus gender birthDate updateDate \
    address number complement neighborhood city state country zipCode accessCardNumber status membershipStatus \
    penalized totalFitCoins lastAccessDate conversionDate photoUrl photo gympassId codeTotalpass userIdGurupass \
    clientWithPromotionalRestriction personalTrainer personalType cref crefExpirationDate idEmployeeConsultant \
    nameEmployeeConsultant idEmployeeInstructor nameEmployeeInstructor idEmployeePersonalTrainer \
    nameEmployeePersonalTrainer employeeConsultant.idEmployee employeeConsultant.name employeeInstructor.idEmployee \
    employeeInstructor.name idMemberMigration responsibles[].name responsibles[].acessFiti";
const CONTACT: &str = "idPhone idMember idContactType contactType ddi description";
const CONTRACT: &str = "idMemberMembership idMember idMembership name idMemberMembershipRenewed idSale saleDate \
    startDate endDate cancelDate cancelDateOn cancelCreationDate membershipStatus valueNextMonth originalValue \
    nextCharge nextDateSuspension loyaltyEndDate assessmentEndDate acceptanceDate idCategoryMembership numMembers \
    flAllowLocker flAdditionalMembership allowLesMills allowsCancellationByApp signedTerms limitless weeklyLimit \
    bioimpedanceAmount concludedSessions pendingSessions scheduledSessions pendingRepositions repositionsTotal \
    bonusSessions numberSuspensionTimes maxSuspensionDays minimumSuspensionDays disponibleSuspensionDays \
    disponibleSuspensionTimes daysLeftToFreeze contractPrinting flRenewed freezes[].startSuspend freezes[].endSuspend \
    freezes[].unlockDate? freezes[].idEmployee freezes[].reason freezes[].flUseMembershipFreezeDays \
    freezes[].daysFreeze freezes[].idFreeze sessions[].idSession sessions[].expirationDate sessions[].flBonusSession";
const SALE: &str = "idSale idMember idProspect idEmployee idEmployeeSale idPersonal idBranch nameEmployeeSale saleDate \
    saleDateServer updateDate saleSource observations coporatePartnershipId corporatePartnershipId \
    corporatePartnershipName idSaleRecurrency removed removalDate idEmployeeRemoval idSaleMigration idCartToken";
const ITEM: &str = "idSaleItem description item itemValue saleValue saleValueWithoutCreditValue quantity discount \
    corporateDiscount tax valueNextMonth idMembership idMembershipRenewed idMemberMembership idProduct idService \
    coporatePartnershipId corporatePartnershipName membershipStartDate numMembers voucher accountingCode \
    municipalServiceCode flReceiptOnly flSwimming flAllowLocker idSaleItemMigration";
const RECEIVABLE: &str = "idReceivable registrationDate dueDate receivingDate cancellationDate updateDate \
    competenceDate chargeDate saleDate ammount ammountPaid status.id status.name paymentType.id paymentType.name \
    bankAccount.id bankAccount.name currentInstallment totalInstallments authorization tid nsu cardFlag \
    transactionToken cardAcquirer payerName source description cancellationDescription idSale idMemberPayer \
    idProspectPayer idBranchMember idReceivableFrom fees conciliated invoiceDetails[].invoiceNumber \
    invoiceDetails[].issuedAmount invoiceDetails[].urlPdf logTef.tefId logTef.merchantCheckoutGuid \
    creditDetails[].idCredit creditDetails[].ammount";
const ENTRY: &str = "date dateTurn timeZone idMember nameMember idProspect nameProspect idEmployee nameEmployee idBranch \
    device entryAction entryType blockReason releasesByID idMigration";
const PROSPECT: &str = "idProspect idBranch branchName firstName lastName document email cellphone gender birthDate \
    address number complement neighborhood city state country zipCode signupType mktChannel currentStep gympassId \
    registerDate conversionDate idMember responsible.name responsible.document responsible.financialResponsible \
    financiallyResponsibles[].name financiallyResponsibles[].cpf financiallyResponsibles[].financialResponsible \
    interests[] notes temperature";

fn assert_filled(documents: &[Value], fields: &[(&str, &str)]) {
    let mut found = BTreeSet::new();
    documents.iter().for_each(|document| leaves(document, "", &mut found));
    let wanted =
        fields.iter().flat_map(|(prefix, names)| names.split_whitespace().map(move |n| format!("{prefix}{n}")));
    let missing: Vec<String> = wanted.filter(|path| !path.ends_with('?') && !found.contains(path)).collect();
    assert!(missing.is_empty(), "never filled: {missing:?}");
}

#[test]
fn every_field_has_a_value_somewhere_in_a_few_hundred_records() {
    for seed in [1, 2, 3] {
        let plan = Plan { seed, ..small([400, 1_200, 600, 300]) };
        let members = [("", MEMBER), ("contacts[].", CONTACT), ("memberships[].", CONTRACT)];
        assert_filled(&documents(&plan, Entity::Members), &members);
        let sales = [("", SALE), ("saleItens[].", ITEM), ("receivables[].", RECEIVABLE)];
        assert_filled(&documents(&plan, Entity::Sales), &sales);
        assert_filled(&documents(&plan, Entity::Entries), &[("", ENTRY)]);
        assert_filled(&documents(&plan, Entity::Prospects), &[("", PROSPECT)]);
    }
}

#[test]
fn nulls_empty_arrays_and_missing_keys_occur() {
    let plan = small([2_000, 2_000, 500, 500]);
    let count = |documents: &[Value], test: fn(&Value) -> bool| documents.iter().filter(|d| test(d)).count();
    let members = documents(&plan, Entity::Members);
    let sales = documents(&plan, Entity::Sales);
    assert!(count(&members, |d| d["contacts"].is_null()) > 0);
    assert!(count(&members, |d| d.get("usePreferredName").is_none()) > 0);
    assert!(count(&members, |d| d["memberships"][0]["freezes"].is_null()) > 0);
    assert!(count(&members, |d| d["memberships"][0]["freezes"].as_array().is_some_and(Vec::is_empty)) > 0);
    assert!(count(&sales, |d| d["receivables"].is_null()) > 0);
    assert!(count(&sales, |d| d["receivables"].as_array().is_some_and(Vec::is_empty)) > 0);
    assert!(count(&sales, |d| d.get("nameEmployeeSale").is_none()) > 0);
    let unsold = Plan { records: Records([2_000, 100, 10, 10]), ..plan };
    assert!(count(&documents(&unsold, Entity::Members), |d| d["memberships"].is_null()) > 0);
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let plan = Plan {
        runs: 2,
        duplicates: Portion::percent(3),
        broken: Portion::percent(1),
        misfits: Portion::percent(1),
        part_records: Some(50),
        ..small([300, 600, 900, 200])
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(&plan).2)
    };
    let (one, many) = (with(1), with(8));
    assert!(one.len() > 100);
    assert_eq!(one, many);
}

#[test]
fn a_plan_gives_the_same_bytes_for_ever() {
    let (_lake, _, objects) = written(&Plan { runs: 2, ..small([30, 60, 90, 20]) });
    let mut digest = xxhash_rust::xxh3::Xxh3::new();
    for (path, bytes) in &objects {
        digest.update(path.as_bytes());
        digest.update(bytes);
    }
    // Benchmarks compare over versions: a change here is a change of what they measure.
    assert_eq!(format!("{:016x}", digest.digest()), "e132f3f413e682fd");
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

#[test]
fn records_lie_in_the_window_that_their_object_is_named_after() {
    let (_lake, _, objects) = written(&Plan { runs: 2, ..small([500, 1_000, 2_000, 10]) });
    for (path, bytes) in objects.iter().filter(|(path, _)| path.ends_with(".jsonl.gz")) {
        let (field, days) = match path {
            p if p.contains("=sales/") => ("saleDate", 31),
            p if p.contains("=members/") => ("registerDate", 92),
            p if p.contains("=entries/") => ("date", 7),
            _ => continue,
        };
        let name = path.rsplit('/').next().unwrap().split('_').next().unwrap();
        let start = if name.len() == 7 { format!("{name}-01") } else { name.to_owned() };
        let start: chrono::NaiveDate = start.parse().unwrap();
        for line in bytes.split(|b| *b == b'\n') {
            let date = serde_json::from_slice::<Value>(line).unwrap()[field].as_str().unwrap()[..10].to_owned();
            let date: chrono::NaiveDate = date.parse().unwrap();
            assert!((0..days).contains(&(date - start).num_days()), "{path} {date}");
        }
    }
}

#[test]
fn lines_are_records_duplicates_and_broken_ones_and_the_record_comes_last() {
    let plan = Plan {
        runs: 2,
        duplicates: Portion::percent(10),
        broken: Portion::percent(4),
        part_records: Some(100),
        ..small([400, 400, 400, 400])
    };
    for (entity, key) in [(Entity::Members, "idMember"), (Entity::Sales, "idSale"), (Entity::Prospects, "idProspect")] {
        let (_lake, summary, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
        for run in &summary.runs {
            let of_run = |(path, _): &(&String, &Vec<u8>)| path.contains(&run.run_id);
            let some: BTreeMap<String, Vec<u8>> =
                objects.iter().filter(of_run).map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
            let (mut broken, mut whole) = (0, HashMap::<u64, Vec<Value>>::new());
            for line in lines(&some, entity) {
                let text = String::from_utf8_lossy(line);
                let bad = ["\u{fffd}", "\\u0000", "\\ud83db", "1e400000"].iter().any(|bad| text.contains(bad));
                let value = serde_json::from_slice::<Value>(line).ok().filter(|_| !bad);
                match value.and_then(|value| Some((value[key].as_u64()?, value))) {
                    Some((id, value)) => whole.entry(id).or_default().push(value),
                    None => broken += 1,
                }
            }
            let repeated = whole.values().filter(|versions| versions.len() == 2).count() as u64;
            assert_eq!((broken, whole.len() as u64), (run.tally.broken, run.tally.records));
            assert_eq!(repeated, run.tally.duplicates);
            assert!(run.tally.duplicates.abs_diff(40) <= 2 && run.tally.broken.abs_diff(16) <= 1, "{:?}", run.tally);
            assert_eq!(run.tally.lines, run.tally.records + run.tally.duplicates + run.tally.broken);
            let plain = Plan { duplicates: Portion::default(), broken: Portion::default(), ..plan.clone() };
            let (_lake, _, plain) = written(&Plan { entities: vec![entity], ..plain });
            let newest = plain.iter().filter(of_run).flat_map(|(_, bytes)| bytes.split(|b| *b == b'\n'));
            let mut compared = 0;
            for line in newest.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
                let Some(versions) = line[key].as_u64().and_then(|id| whole.get(&id)) else { continue };
                assert_eq!(versions[versions.len() - 1], line);
                assert!(versions.len() < 2 || versions[0] != line, "the older version differs");
                compared += 1;
            }
            assert_eq!(compared, run.tally.records);
        }
    }
}

#[test]
fn a_later_run_differs_from_the_one_before_in_exactly_what_it_counts() {
    let plan = Plan {
        runs: 3,
        changed: Portion::percent(5),
        new: Portion::percent(2),
        misfits: Portion::percent(50),
        ..small([1_000; 4])
    };
    for entity in Entity::ALL {
        let (_lake, summary, objects) = written(&Plan { entities: vec![entity], ..plan.clone() });
        let run = |id: &str| -> HashSet<&[u8]> {
            let of = |path: &String| path.contains(id) && path.ends_with(".gz");
            objects.iter().filter(|(path, _)| of(path)).flat_map(|(_, b)| b.split(|b| *b == b'\n')).collect()
        };
        for pair in summary.runs.windows(2) {
            let (before, after) = (run(&pair[0].run_id), run(&pair[1].run_id));
            let tally = pair[1].tally;
            assert_eq!(after.difference(&before).count() as u64, tally.changed + tally.new, "{entity}");
            assert_eq!(before.difference(&after).count() as u64, tally.changed, "{entity}");
            assert_eq!(tally.new, 20);
            assert!(tally.changed.abs_diff(50) <= 2, "{tally:?}");
        }
        assert_eq!(summary.runs[0].tally.misfits, 500, "{entity}");
        let (_lake, less, _) = written(&Plan { entities: vec![entity], only_changed: true, ..plan.clone() });
        for (full, only) in summary.runs.iter().zip(&less.runs).skip(1) {
            assert_eq!((only.tally.changed, only.tally.new), (full.tally.changed, full.tally.new));
            assert_eq!(only.tally.records, full.tally.changed + full.tally.new);
        }
    }
}

#[test]
fn a_repeated_call_writes_nothing_and_an_interrupted_one_is_completed() {
    let plan = small([100, 100, 100, 100]);
    let (lake, first, before) = written(&plan);
    let again = write_lake(lake.path(), &plan).unwrap();
    assert!(again.runs.iter().all(|run| run.kept == run.objects && run.objects > 0));
    assert_eq!(again.of(Entity::Sales), first.of(Entity::Sales));
    let lost = before.keys().find(|path| path.ends_with(".gz")).unwrap();
    fs::remove_file(lake.path().join(lost)).unwrap();
    let third = write_lake(lake.path(), &Plan { gzip_level: 9, ..plan }).unwrap();
    assert_eq!(third.runs.iter().map(|run| run.objects - run.kept).sum::<u64>(), 1);
    assert_eq!(objects(lake.path()), before);
}

#[test]
fn other_content_is_never_replaced_without_force() {
    let plan = small([100, 100, 100, 100]);
    let (lake, _, before) = written(&plan);
    let other = Plan { seed: 2, records: Records([50; 4]), ..plan };
    let error = write_lake(lake.path(), &other).unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::CheckFailed);
    assert!(error.hint_text().unwrap().contains("--force"));
    assert_eq!(objects(lake.path()), before, "nothing was written");
    write_lake(lake.path(), &Plan { force: true, ..other.clone() }).unwrap();
    assert_eq!(objects(lake.path()), written(&other).2, "nothing of the old runs is left");
}

#[test]
fn a_run_ends_with_a_manifest_that_counts_its_windows() {
    let plan = Plan { split_midnight: true, ..small([300, 300, 300, 300]) };
    let (_lake, _, objects) = written(&plan);
    let manifests: Vec<&String> = objects.keys().filter(|path| path.ends_with("_manifest.json")).collect();
    assert_eq!(manifests.len(), 3, "prospects have none");
    assert!(manifests.iter().all(|path| path.contains("ingestion_date=2026-01-11")), "in the last folder");
    for path in manifests {
        let manifest: Value = serde_json::from_slice(&objects[path]).unwrap();
        assert_eq!(manifest["total_records"], 300);
        let results = manifest["results"].as_array().unwrap();
        assert_eq!(results.iter().map(|result| result["records"].as_u64().unwrap()).sum::<u64>(), 300);
        assert_eq!(manifest["periods"], results.len());
        assert_eq!(manifest.get("show_memberships").is_some(), path.contains("=members/"));
        assert_eq!(manifest.get("errors").is_some(), path.contains("=entries/"));
        assert!(objects[path].starts_with(b"{\n  \"entity\": \""));
    }
    let (_lake, _, objects) = written(&Plan { manifest: false, ..plan });
    assert!(objects.keys().all(|path| path.ends_with(".jsonl.gz")));
}
