//! Which column comes from which path and how it is read, from the description of the API and of the tables:
//! the public API's path first, then, behind a bar, the spellings of older payloads. Not made from the
//! models, and not to be.
//!
//! Types: text, big (bigint), int, dec (two decimals), time (a local time, or an instant where it says so),
//! date, bool, flag (a bool that is false when it is absent), json.

/// A core table: entity, table, array of its children with the path of their id, and `column type path|older
/// path`.
pub type Table = (&'static str, &'static str, Option<(&'static str, &'static str)>, &'static str);

pub const TABLES: [Table; 8] = [
    ("members", "evo_members", None, MEMBERS),
    ("members", "evo_member_memberships", Some(("memberships", "idMemberMembership")), MEMBERSHIPS),
    ("members", "evo_member_contacts", Some(("contacts", "idPhone")), CONTACTS),
    ("prospects", "evo_prospects", None, PROSPECTS),
    ("sales", "evo_sales", None, SALES),
    ("sales", "evo_sale_items", Some(("saleItens", "idSaleItem")), ITEMS),
    ("sales", "evo_receivables", Some(("receivables", "idReceivable")), RECEIVABLES),
    ("entries", "evo_entries", None, ENTRIES),
];

const MEMBERS: &str = "
branch_id big idBranch
branch_name text branchName
first_name text firstName
last_name text lastName
register_name text registerName
register_last_name text registerLastName
use_preferred_name flag usePreferredName
document text document
document_id text documentId
gender text gender
birth_date date birthDate
marital_status text maritalStatus
address text address
address_number text number|addressNumber
complement text complement
neighborhood text neighborhood
city text city
state text state
country text country
zip_code text zipCode
access_card_number text accessCardNumber
access_blocked flag accessBlocked
blocked_reason text blockedReason
status text status
membership_status text membershipStatus
penalized flag penalized
total_fit_coins dec totalFitCoins
register_date time registerDate
conversion_date time conversionDate
last_access_date time lastAccessDate
update_date time updateDate
photo_url text photoUrl|photo
gympass_id text gympassId
code_totalpass text codeTotalpass
user_id_gurupass text userIdGurupass
client_with_promotional_restriction flag clientWithPromotionalRestriction
personal_trainer flag personalTrainer
personal_type text personalType
cref text cref
cref_expiration_date date crefExpirationDate
employee_consultant_id big idEmployeeConsultant|employeeConsultant.idEmployee
employee_consultant_name text nameEmployeeConsultant|employeeConsultant.name
employee_instructor_id big idEmployeeInstructor|employeeInstructor.idEmployee
employee_instructor_name text nameEmployeeInstructor|employeeInstructor.name
employee_personal_id big idEmployeePersonalTrainer|employeePersonal.idEmployee
employee_personal_name text nameEmployeePersonalTrainer|employeePersonal.name
member_migration_id text idMemberMigration|memberMigrationId
";

const MEMBERSHIPS: &str = "
membership_id big idMembership
membership_name text name|membershipName
membership_renewed_id big idMemberMembershipRenewed|idMembershipRenewed
sale_id big idSale
sale_date time saleDate
start_date time startDate
end_date time endDate
cancel_date time cancelDate
cancel_date_on time cancelDateOn
cancel_creation_date time cancelCreationDate
membership_status text membershipStatus
value_next_month dec valueNextMonth
original_value dec originalValue
next_charge time nextCharge
next_date_suspension time nextDateSuspension
category_membership_id big idCategoryMembership
loyalty_end_date time loyaltyEndDate
assessment_end_date time assessmentEndDate
acceptance_date time acceptanceDate
num_members int numMembers
fl_allow_locker bool flAllowLocker
fl_additional_membership bool flAdditionalMembership
allow_les_mills bool allowLesMills
allows_cancellation_by_app bool allowsCancellationByApp
signed_terms bool signedTerms
limitless bool limitless
weekly_limit int weeklyLimit
bioimpedance_amount int bioimpedanceAmount
concluded_sessions int concludedSessions
pending_sessions int pendingSessions
scheduled_sessions int scheduledSessions
pending_repositions int pendingRepositions
repositions_total int repositionsTotal
bonus_sessions int bonusSessions
number_suspension_times int numberSuspensionTimes
max_suspension_days int maxSuspensionDays
minimum_suspension_days int minimumSuspensionDays
disponible_suspension_days int disponibleSuspensionDays
disponible_suspension_times int disponibleSuspensionTimes
days_left_to_freeze int daysLeftToFreeze
contract_printing text contractPrinting
freezes json freezes
sessions json sessions
";

const CONTACTS: &str = "
contact_type_id int idContactType
contact_type text contactType|typeDescription
ddi text ddi
description text description
";

const PROSPECTS: &str = "
branch_id big idBranch
branch_name text branchName
first_name text firstName
last_name text lastName
document text document
email text email
cellphone text cellphone
gender text gender
birth_date date birthDate
address text address
address_number text number
complement text complement
neighborhood text neighborhood
city text city
state text state
country text country
zip_code text zipCode
signup_type text signupType
mkt_channel text mktChannel
current_step text currentStep
gympass_id text gympassId
conversion_date time conversionDate
member_id big idMember
responsible_name text responsible.name|financiallyResponsibles.0.name
responsible_document text responsible.document|financiallyResponsibles.0.cpf
responsible_is_financial bool responsible.financialResponsible|financiallyResponsibles.0.financialResponsible
register_date time registerDate
";

const SALES: &str = "
member_id big idMember
prospect_id big idProspect
employee_id big idEmployee
employee_sale_id big idEmployeeSale
employee_sale_name text nameEmployeeSale
personal_id big idPersonal
branch_id big idBranch
sale_date time saleDate
sale_date_server time saleDateServer
update_date time updateDate
sale_source int saleSource
observations text observations
corporate_partnership_id big coporatePartnershipId|corporatePartnershipId|idCorporatePartnership
corporate_partnership_name text corporatePartnershipName|nameCorporatePartnership
sale_recurrency_id big idSaleRecurrency
removed flag removed
removal_date time removalDate
employee_removal_id big idEmployeeRemoval
sale_migration_id text idSaleMigration|saleMigrationId
cart_token text idCartToken|cartToken
";

const ITEMS: &str = "
description text description
item text item
item_value dec itemValue
sale_value dec saleValue
sale_value_without_credit dec saleValueWithoutCreditValue|saleValueWithoutCredit
quantity int quantity
discount dec discount
corporate_discount dec corporateDiscount
tax dec tax
value_next_month dec valueNextMonth
membership_id big idMembership
membership_renewed_id big idMembershipRenewed
member_membership_id big idMemberMembership
product_id big idProduct
service_id big idService
corporate_partnership_id big coporatePartnershipId|corporatePartnershipId|idCorporatePartnership
corporate_partnership_name text corporatePartnershipName|nameCorporatePartnership
membership_start_date time membershipStartDate
num_members int numMembers
voucher text voucher
accounting_code text accountingCode
municipal_service_code text municipalServiceCode
fl_receipt_only bool flReceiptOnly
fl_swimming bool flSwimming
fl_allow_locker bool flAllowLocker
sale_item_migration_id text idSaleItemMigration|saleItemMigrationId
";

const RECEIVABLES: &str = "
registration_date time registrationDate
due_date time dueDate
receiving_date time receivingDate
cancellation_date time cancellationDate
update_date time updateDate
amount dec ammount|amount
amount_paid dec ammountPaid
status_id int status.id
status_name text status.name
current_installment int currentInstallment
total_installments int totalInstallments
payment_type_id int paymentType.id|paymentType.idPaymentType
payment_type_name text paymentType.name
authorization text authorization
tid text tid
nsu text nsu
card_flag text cardFlag
transaction_token text transactionToken
";

const ENTRIES: &str = "
entry_date_turn time dateTurn
timezone text timeZone
member_id big idMember
member_name text nameMember
prospect_id big idProspect
prospect_name text nameProspect
employee_id big idEmployee
employee_name text nameEmployee
branch_id big idBranch
entry_type text entryType
entry_action text entryAction
device text device
block_reason text blockReason
releases_by_id big releasesByID
migration_id text idMigration
";
