-- grain: one row per item of a sale
-- source: stg_evo.sales_raw
-- parent key: sale_id
-- key: sale_id, sale_item_id
select
    c.id as sale_item_id,
    s.sale_id,
    d.description,
    d.item,
    evo.as_decimal(d."itemValue") as item_value,
    evo.as_decimal(d."saleValue") as sale_value,
    evo.as_decimal(coalesce(d."saleValueWithoutCreditValue", d."saleValueWithoutCredit")) as sale_value_without_credit,
    evo.as_int(d.quantity) as quantity,
    evo.as_decimal(d.discount) as discount,
    evo.as_decimal(d."corporateDiscount") as corporate_discount,
    evo.as_decimal(d.tax) as tax,
    evo.as_decimal(d."valueNextMonth") as value_next_month,
    evo.as_bigint(d."idMembership") as membership_id,
    evo.as_bigint(d."idMembershipRenewed") as membership_renewed_id,
    evo.as_bigint(d."idMemberMembership") as member_membership_id,
    evo.as_bigint(d."idProduct") as product_id,
    evo.as_bigint(d."idService") as service_id,
    evo.as_bigint(coalesce(d."coporatePartnershipId", d."corporatePartnershipId", d."idCorporatePartnership")) as corporate_partnership_id,
    coalesce(d."corporatePartnershipName", d."nameCorporatePartnership") as corporate_partnership_name,
    evo.as_timestamptz(d."membershipStartDate", {zone}) as membership_start_date,
    evo.as_int(d."numMembers") as num_members,
    d.voucher,
    d."accountingCode" as accounting_code,
    d."municipalServiceCode" as municipal_service_code,
    evo.as_bool(d."flReceiptOnly") as fl_receipt_only,
    evo.as_bool(d."flSwimming") as fl_swimming,
    evo.as_bool(d."flAllowLocker") as fl_allow_locker,
    coalesce(d."idSaleItemMigration", d."saleItemMigrationId") as sale_item_migration_id,
    s._loaded_at
from {source} s
cross join lateral evo.as_children(s.raw_data, 'saleItens', 'idSaleItem') c
cross join lateral jsonb_to_record(c.value) as d (
    description text, item text, "itemValue" text, "saleValue" text, "saleValueWithoutCreditValue" text,
    "saleValueWithoutCredit" text, quantity text, discount text, "corporateDiscount" text, tax text,
    "valueNextMonth" text, "idMembership" text, "idMembershipRenewed" text, "idMemberMembership" text,
    "idProduct" text, "idService" text, "coporatePartnershipId" text, "corporatePartnershipId" text,
    "idCorporatePartnership" text, "corporatePartnershipName" text, "nameCorporatePartnership" text,
    "membershipStartDate" text, "numMembers" text, voucher text, "accountingCode" text, "municipalServiceCode" text,
    "flReceiptOnly" text, "flSwimming" text, "flAllowLocker" text, "idSaleItemMigration" text,
    "saleItemMigrationId" text)
