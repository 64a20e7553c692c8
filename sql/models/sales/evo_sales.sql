-- grain: one row per sale
-- source: stg_evo.sales_raw
-- parent key: sale_id
-- key: sale_id
-- coporatePartnershipId is the vendor's spelling
select
    s.sale_id,
    evo.as_bigint(d."idMember") as member_id,
    evo.as_bigint(d."idProspect") as prospect_id,
    evo.as_bigint(d."idEmployee") as employee_id,
    evo.as_bigint(d."idEmployeeSale") as employee_sale_id,
    d."nameEmployeeSale" as employee_sale_name,
    evo.as_bigint(d."idPersonal") as personal_id,
    evo.as_bigint(d."idBranch") as branch_id,
    evo.as_timestamptz(d."saleDate", {zone}) as sale_date,
    evo.as_timestamptz(d."saleDateServer", {zone}) as sale_date_server,
    evo.as_timestamptz(d."updateDate", {zone}) as update_date,
    evo.as_int(d."saleSource") as sale_source,
    d.observations,
    evo.as_bigint(coalesce(d."coporatePartnershipId", d."corporatePartnershipId", d."idCorporatePartnership")) as corporate_partnership_id,
    coalesce(d."corporatePartnershipName", d."nameCorporatePartnership") as corporate_partnership_name,
    evo.as_bigint(d."idSaleRecurrency") as sale_recurrency_id,
    evo.as_bool(coalesce(nullif(d.removed, ''), 'false')) as removed,
    evo.as_timestamptz(d."removalDate", {zone}) as removal_date,
    evo.as_bigint(d."idEmployeeRemoval") as employee_removal_id,
    coalesce(d."idSaleMigration", d."saleMigrationId") as sale_migration_id,
    coalesce(d."idCartToken", d."cartToken") as cart_token,
    s.run_id as _source_run_id,
    s._loaded_at
from {source} s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "idMember" text, "idProspect" text, "idEmployee" text, "idEmployeeSale" text, "nameEmployeeSale" text,
    "idPersonal" text, "idBranch" text, "saleDate" text, "saleDateServer" text, "updateDate" text, "saleSource" text,
    observations text, "coporatePartnershipId" text, "corporatePartnershipId" text, "idCorporatePartnership" text,
    "corporatePartnershipName" text, "nameCorporatePartnership" text, "idSaleRecurrency" text, removed text,
    "removalDate" text, "idEmployeeRemoval" text, "idSaleMigration" text, "saleMigrationId" text, "idCartToken" text,
    "cartToken" text)
