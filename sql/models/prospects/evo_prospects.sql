-- grain: one row per prospect
-- source: stg_evo.prospects_raw
-- parent key: prospect_id
-- key: prospect_id
select
    s.prospect_id,
    evo.as_bigint(d."idBranch") as branch_id,
    d."branchName" as branch_name,
    d."firstName" as first_name,
    d."lastName" as last_name,
    d.document,
    d.email,
    d.cellphone,
    d.gender,
    evo.as_date(d."birthDate") as birth_date,
    d.address,
    d."number" as address_number,
    d.complement,
    d.neighborhood,
    d.city,
    d."state" as state,
    d.country,
    d."zipCode" as zip_code,
    d."signupType" as signup_type,
    d."mktChannel" as mkt_channel,
    d."currentStep" as current_step,
    d."gympassId" as gympass_id,
    evo.as_timestamptz(d."conversionDate", {zone}) as conversion_date,
    evo.as_bigint(d."idMember") as member_id,
    coalesce(r.name, f.name) as responsible_name,
    coalesce(r.document, f.cpf) as responsible_document,
    evo.as_bool(coalesce(r."financialResponsible", f."financialResponsible")) as responsible_is_financial,
    evo.as_timestamptz(d."registerDate", {zone}) as register_date,
    case when s.raw_data ? 'interests' then jsonb_build_object('interests', d.interests, 'notes', d.notes, 'temperature', d.temperature) end as custom_fields,
    s.run_id as _source_run_id,
    s._loaded_at
from {source} s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "idBranch" text, "branchName" text, "firstName" text, "lastName" text, document text, email text, cellphone text,
    gender text, "birthDate" text, address text, "number" text, complement text, neighborhood text, city text,
    "state" text, country text, "zipCode" text, "signupType" text, "mktChannel" text, "currentStep" text,
    "gympassId" text, "conversionDate" text, "idMember" text, "registerDate" text, responsible jsonb,
    "financiallyResponsibles" jsonb, interests jsonb, notes jsonb, temperature jsonb)
cross join lateral jsonb_to_record(evo.as_object(d.responsible)) as r (name text, document text, "financialResponsible" text)
cross join lateral jsonb_to_record(evo.as_object(evo.as_array(d."financiallyResponsibles") -> 0)) as f (
    name text, cpf text, "financialResponsible" text)
