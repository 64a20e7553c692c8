//! Every field of the API's documents occurs, filled and empty.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{documents, small};
use crate::{Entity, Plan, Records};

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
const ENTRY: &str = "date dateTurn timeZone idMember nameMember idProspect nameProspect idEmployee nameEmployee \
    idBranch device entryAction entryType blockReason releasesByID idMigration";
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
