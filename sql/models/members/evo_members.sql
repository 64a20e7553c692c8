-- grain: one row per member
-- source: stg_evo.members_raw
-- parent key: member_id
-- key: member_id
select
    s.member_id,
    evo.as_bigint(d."idBranch") as branch_id,
    d."branchName" as branch_name,
    d."firstName" as first_name,
    d."lastName" as last_name,
    d."registerName" as register_name,
    d."registerLastName" as register_last_name,
    evo.as_bool(coalesce(nullif(d."usePreferredName", ''), 'false')) as use_preferred_name,
    d.document,
    d."documentId" as document_id,
    c.email,
    c.cellphone,
    d.gender,
    evo.as_date(d."birthDate") as birth_date,
    d."maritalStatus" as marital_status,
    d.address,
    coalesce(d."number", d."addressNumber") as address_number,
    d.complement,
    d.neighborhood,
    d.city,
    d."state" as state,
    d.country,
    d."zipCode" as zip_code,
    d."accessCardNumber" as access_card_number,
    evo.as_bool(coalesce(nullif(d."accessBlocked", ''), 'false')) as access_blocked,
    d."blockedReason" as blocked_reason,
    d."status" as status,
    d."membershipStatus" as membership_status,
    evo.as_bool(coalesce(nullif(d.penalized, ''), 'false')) as penalized,
    evo.as_decimal(d."totalFitCoins") as total_fit_coins,
    evo.as_timestamptz(d."registerDate", {zone}) as register_date,
    evo.as_timestamptz(d."conversionDate", {zone}) as conversion_date,
    evo.as_timestamptz(d."lastAccessDate", {zone}) as last_access_date,
    evo.as_timestamptz(d."updateDate", {zone}) as update_date,
    coalesce(d."photoUrl", d.photo) as photo_url,
    d."gympassId" as gympass_id,
    d."codeTotalpass" as code_totalpass,
    d."userIdGurupass" as user_id_gurupass,
    evo.as_bool(coalesce(nullif(d."clientWithPromotionalRestriction", ''), 'false')) as client_with_promotional_restriction,
    evo.as_bool(coalesce(nullif(d."personalTrainer", ''), 'false')) as personal_trainer,
    d."personalType" as personal_type,
    d.cref,
    evo.as_date(d."crefExpirationDate") as cref_expiration_date,
    evo.as_bigint(coalesce(d."idEmployeeConsultant", evo.as_object(d."employeeConsultant") ->> 'idEmployee')) as employee_consultant_id,
    coalesce(d."nameEmployeeConsultant", evo.as_object(d."employeeConsultant") ->> 'name') as employee_consultant_name,
    evo.as_bigint(coalesce(d."idEmployeeInstructor", evo.as_object(d."employeeInstructor") ->> 'idEmployee')) as employee_instructor_id,
    coalesce(d."nameEmployeeInstructor", evo.as_object(d."employeeInstructor") ->> 'name') as employee_instructor_name,
    evo.as_bigint(coalesce(d."idEmployeePersonalTrainer", evo.as_object(d."employeePersonal") ->> 'idEmployee')) as employee_personal_id,
    coalesce(d."nameEmployeePersonalTrainer", evo.as_object(d."employeePersonal") ->> 'name') as employee_personal_name,
    coalesce(d."idMemberMigration", d."memberMigrationId") as member_migration_id,
    s.run_id as _source_run_id,
    s._loaded_at
from {source} s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "idBranch" text, "branchName" text, "firstName" text, "lastName" text, "registerName" text,
    "registerLastName" text, "usePreferredName" text, document text, "documentId" text, gender text, "birthDate" text,
    "maritalStatus" text, address text, "number" text, "addressNumber" text, complement text, neighborhood text,
    city text, "state" text, country text, "zipCode" text, "accessCardNumber" text, "accessBlocked" text,
    "blockedReason" text, "status" text, "membershipStatus" text, penalized text, "totalFitCoins" text,
    "registerDate" text, "conversionDate" text, "lastAccessDate" text, "updateDate" text, "photoUrl" text, photo text,
    "gympassId" text, "codeTotalpass" text, "userIdGurupass" text, "clientWithPromotionalRestriction" text,
    "personalTrainer" text, "personalType" text, cref text, "crefExpirationDate" text, "idMemberMigration" text,
    "memberMigrationId" text, "idEmployeeConsultant" text, "nameEmployeeConsultant" text, "idEmployeeInstructor" text,
    "nameEmployeeInstructor" text, "idEmployeePersonalTrainer" text, "nameEmployeePersonalTrainer" text,
    "employeeConsultant" jsonb, "employeeInstructor" jsonb, "employeePersonal" jsonb, contacts jsonb)
left join lateral (
    -- a mobile is preferred to a landline, whatever comes first
    select
        (array_agg(x.description order by x.position) filter (where x.value ->> 'idContactType' = '4'))[1] as email,
        (array_agg(x.description order by x.value ->> 'idContactType' desc, x.position)
            filter (where x.value ->> 'idContactType' in ('1', '2')))[1] as cellphone
    from (
        -- what is no plain value is an issue of evo_member_contacts
        select e.value, e.position, case when jsonb_typeof(e.value -> 'description') not in ('object', 'array') then e.value ->> 'description' end as description
        from jsonb_array_elements(case when jsonb_typeof(d.contacts) = 'array' then d.contacts end) with ordinality as e (value, position)
    ) x
) c on true
