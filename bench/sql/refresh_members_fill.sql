-- purpose: the core tables of members filled by hand: one pass over the document per table, columns typed in the record
-- parameters: psql variables low and high, the range of member_id that this session fills
-- compared with evo's: no misfit is caught, a value that does not fit its type fails the whole statement
insert into bench.evo_members (
    member_id, branch_id, branch_name, first_name, last_name, register_name, register_last_name, use_preferred_name,
    document, document_id, email, cellphone, gender, birth_date, marital_status, address, address_number,
    complement, neighborhood, city, state, country, zip_code, access_card_number, access_blocked, blocked_reason,
    status, membership_status, penalized, total_fit_coins, register_date, conversion_date, last_access_date,
    update_date, photo_url, gympass_id, code_totalpass, user_id_gurupass, client_with_promotional_restriction,
    personal_trainer, personal_type, cref, cref_expiration_date, employee_consultant_id, employee_consultant_name,
    employee_instructor_id, employee_instructor_name, employee_personal_id, employee_personal_name,
    member_migration_id, _source_run_id, _loaded_at)
select
    s.member_id, d."idBranch", d."branchName", d."firstName", d."lastName", d."registerName", d."registerLastName",
    coalesce(d."usePreferredName", false), d.document, d."documentId", c.email, c.cellphone, d.gender,
    left(d."birthDate", 10)::date, d."maritalStatus", d.address, coalesce(d."number", d."addressNumber"),
    d.complement, d.neighborhood, d.city, d."state", d.country, d."zipCode", d."accessCardNumber",
    coalesce(d."accessBlocked", false), d."blockedReason", d."status", d."membershipStatus",
    coalesce(d.penalized, false), d."totalFitCoins", d."registerDate" at time zone 'America/Sao_Paulo',
    d."conversionDate" at time zone 'America/Sao_Paulo', d."lastAccessDate" at time zone 'America/Sao_Paulo',
    d."updateDate" at time zone 'America/Sao_Paulo', coalesce(d."photoUrl", d.photo), d."gympassId",
    d."codeTotalpass", d."userIdGurupass", coalesce(d."clientWithPromotionalRestriction", false),
    coalesce(d."personalTrainer", false), d."personalType", d.cref, left(d."crefExpirationDate", 10)::date,
    coalesce(d."idEmployeeConsultant", (d."employeeConsultant" ->> 'idEmployee')::bigint),
    coalesce(d."nameEmployeeConsultant", d."employeeConsultant" ->> 'name'),
    coalesce(d."idEmployeeInstructor", (d."employeeInstructor" ->> 'idEmployee')::bigint),
    coalesce(d."nameEmployeeInstructor", d."employeeInstructor" ->> 'name'),
    coalesce(d."idEmployeePersonalTrainer", (d."employeePersonal" ->> 'idEmployee')::bigint),
    coalesce(d."nameEmployeePersonalTrainer", d."employeePersonal" ->> 'name'),
    coalesce(d."idMemberMigration", d."memberMigrationId"), s.run_id, s._loaded_at
from stg_evo.members_raw s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "idBranch" bigint, "branchName" text, "firstName" text, "lastName" text, "registerName" text,
    "registerLastName" text, "usePreferredName" boolean, document text, "documentId" text, gender text,
    "birthDate" text, "maritalStatus" text, address text, "number" text, "addressNumber" text, complement text,
    neighborhood text, city text, "state" text, country text, "zipCode" text, "accessCardNumber" text,
    "accessBlocked" boolean, "blockedReason" text, "status" text, "membershipStatus" text, penalized boolean,
    "totalFitCoins" numeric(15, 2), "registerDate" timestamp, "conversionDate" timestamp,
    "lastAccessDate" timestamp, "updateDate" timestamp, "photoUrl" text, photo text, "gympassId" text,
    "codeTotalpass" text, "userIdGurupass" text, "clientWithPromotionalRestriction" boolean,
    "personalTrainer" boolean, "personalType" text, cref text, "crefExpirationDate" text, "idMemberMigration" text,
    "memberMigrationId" text, "idEmployeeConsultant" bigint, "nameEmployeeConsultant" text,
    "idEmployeeInstructor" bigint, "nameEmployeeInstructor" text, "idEmployeePersonalTrainer" bigint,
    "nameEmployeePersonalTrainer" text, "employeeConsultant" jsonb, "employeeInstructor" jsonb,
    "employeePersonal" jsonb, contacts jsonb)
left join lateral (
    -- a mobile is preferred to a landline, whatever comes first
    select
        (array_agg(x.value ->> 'description' order by x.position) filter (where x.value ->> 'idContactType' = '4'))[1] as email,
        (array_agg(x.value ->> 'description' order by x.value ->> 'idContactType' desc, x.position)
            filter (where x.value ->> 'idContactType' in ('1', '2')))[1] as cellphone
    from jsonb_array_elements(case when jsonb_typeof(d.contacts) = 'array' then d.contacts end) with ordinality as x (value, position)
) c on true
where s.member_id >= :low and s.member_id < :high;

insert into bench.evo_member_memberships (
    member_membership_id, member_id, membership_id, membership_name, membership_renewed_id, sale_id, sale_date,
    start_date, end_date, cancel_date, cancel_date_on, cancel_creation_date, membership_status, value_next_month,
    original_value, next_charge, next_date_suspension, category_membership_id, loyalty_end_date,
    assessment_end_date, acceptance_date, num_members, fl_allow_locker, fl_additional_membership, allow_les_mills,
    allows_cancellation_by_app, signed_terms, limitless, weekly_limit, bioimpedance_amount, concluded_sessions,
    pending_sessions, scheduled_sessions, pending_repositions, repositions_total, bonus_sessions,
    number_suspension_times, max_suspension_days, minimum_suspension_days, disponible_suspension_days,
    disponible_suspension_times, days_left_to_freeze, contract_printing, freezes, sessions, _loaded_at)
select
    d."idMemberMembership", s.member_id, d."idMembership", coalesce(d."name", d."membershipName"),
    coalesce(d."idMemberMembershipRenewed", d."idMembershipRenewed"), d."idSale",
    d."saleDate" at time zone 'America/Sao_Paulo', d."startDate" at time zone 'America/Sao_Paulo',
    d."endDate" at time zone 'America/Sao_Paulo', d."cancelDate" at time zone 'America/Sao_Paulo',
    d."cancelDateOn" at time zone 'America/Sao_Paulo', d."cancelCreationDate" at time zone 'America/Sao_Paulo',
    d."membershipStatus", d."valueNextMonth", d."originalValue", d."nextCharge" at time zone 'America/Sao_Paulo',
    d."nextDateSuspension" at time zone 'America/Sao_Paulo', d."idCategoryMembership",
    d."loyaltyEndDate" at time zone 'America/Sao_Paulo', d."assessmentEndDate" at time zone 'America/Sao_Paulo',
    d."acceptanceDate" at time zone 'America/Sao_Paulo', d."numMembers", d."flAllowLocker",
    d."flAdditionalMembership", d."allowLesMills", d."allowsCancellationByApp", d."signedTerms", d.limitless,
    d."weeklyLimit", d."bioimpedanceAmount", d."concludedSessions", d."pendingSessions", d."scheduledSessions",
    d."pendingRepositions", d."repositionsTotal", d."bonusSessions", d."numberSuspensionTimes",
    d."maxSuspensionDays", d."minimumSuspensionDays", d."disponibleSuspensionDays", d."disponibleSuspensionTimes",
    d."daysLeftToFreeze", d."contractPrinting", d.freezes, d.sessions, s._loaded_at
from stg_evo.members_raw s
cross join lateral jsonb_to_recordset(case when jsonb_typeof(s.raw_data -> 'memberships') = 'array' then s.raw_data -> 'memberships' end) as d (
    "idMemberMembership" bigint, "idMembership" bigint, "name" text, "membershipName" text,
    "idMemberMembershipRenewed" bigint, "idMembershipRenewed" bigint, "idSale" bigint, "saleDate" timestamp,
    "startDate" timestamp, "endDate" timestamp, "cancelDate" timestamp, "cancelDateOn" timestamp,
    "cancelCreationDate" timestamp, "membershipStatus" text, "valueNextMonth" numeric(15, 2),
    "originalValue" numeric(15, 2), "nextCharge" timestamp, "nextDateSuspension" timestamp,
    "idCategoryMembership" bigint, "loyaltyEndDate" timestamp, "assessmentEndDate" timestamp,
    "acceptanceDate" timestamp, "numMembers" integer, "flAllowLocker" boolean, "flAdditionalMembership" boolean,
    "allowLesMills" boolean, "allowsCancellationByApp" boolean, "signedTerms" boolean, limitless boolean,
    "weeklyLimit" integer, "bioimpedanceAmount" integer, "concludedSessions" integer, "pendingSessions" integer,
    "scheduledSessions" integer, "pendingRepositions" integer, "repositionsTotal" integer, "bonusSessions" integer,
    "numberSuspensionTimes" integer, "maxSuspensionDays" integer, "minimumSuspensionDays" integer,
    "disponibleSuspensionDays" integer, "disponibleSuspensionTimes" integer, "daysLeftToFreeze" integer,
    "contractPrinting" text, freezes jsonb, sessions jsonb)
where s.member_id >= :low and s.member_id < :high and d."idMemberMembership" is not null;

insert into bench.evo_member_contacts (
    phone_id, member_id, contact_type_id, contact_type, ddi, description, _loaded_at)
select
    d."idPhone", s.member_id, d."idContactType", coalesce(d."contactType", d."typeDescription"), d.ddi,
    d.description, s._loaded_at
from stg_evo.members_raw s
cross join lateral jsonb_to_recordset(case when jsonb_typeof(s.raw_data -> 'contacts') = 'array' then s.raw_data -> 'contacts' end) as d (
    "idPhone" bigint, "idContactType" integer, "contactType" text, "typeDescription" text, ddi text,
    description text)
where s.member_id >= :low and s.member_id < :high and d."idPhone" is not null;
