-- purpose: the core tables of sales filled by hand: one pass over the document per table, columns typed in the record
-- parameters: psql variables low and high, the range of sale_id that this session fills
-- compared with evo's: no misfit is caught, a value that does not fit its type fails the whole statement
insert into bench.evo_sales (
    sale_id, member_id, prospect_id, employee_id, employee_sale_id, employee_sale_name, personal_id, branch_id,
    sale_date, sale_date_server, update_date, sale_source, observations, corporate_partnership_id,
    corporate_partnership_name, sale_recurrency_id, removed, removal_date, employee_removal_id, sale_migration_id,
    cart_token, _source_run_id, _loaded_at)
select
    s.sale_id, d."idMember", d."idProspect", d."idEmployee", d."idEmployeeSale", d."nameEmployeeSale",
    d."idPersonal", d."idBranch", d."saleDate" at time zone 'America/Sao_Paulo',
    d."saleDateServer" at time zone 'America/Sao_Paulo', d."updateDate" at time zone 'America/Sao_Paulo',
    d."saleSource", d.observations,
    coalesce(d."coporatePartnershipId", d."corporatePartnershipId", d."idCorporatePartnership"),
    coalesce(d."corporatePartnershipName", d."nameCorporatePartnership"), d."idSaleRecurrency",
    coalesce(d.removed, false), d."removalDate" at time zone 'America/Sao_Paulo', d."idEmployeeRemoval",
    coalesce(d."idSaleMigration", d."saleMigrationId"), coalesce(d."idCartToken", d."cartToken"), s.run_id,
    s._loaded_at
from stg_evo.sales_raw s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "idMember" bigint, "idProspect" bigint, "idEmployee" bigint, "idEmployeeSale" bigint, "nameEmployeeSale" text,
    "idPersonal" bigint, "idBranch" bigint, "saleDate" timestamp, "saleDateServer" timestamp,
    "updateDate" timestamp, "saleSource" integer, observations text, "coporatePartnershipId" bigint,
    "corporatePartnershipId" bigint, "idCorporatePartnership" bigint, "corporatePartnershipName" text,
    "nameCorporatePartnership" text, "idSaleRecurrency" bigint, removed boolean, "removalDate" timestamp,
    "idEmployeeRemoval" bigint, "idSaleMigration" text, "saleMigrationId" text, "idCartToken" text, "cartToken" text)
where s.sale_id >= :low and s.sale_id < :high;

insert into bench.evo_sale_items (
    sale_item_id, sale_id, description, item, item_value, sale_value, sale_value_without_credit, quantity, discount,
    corporate_discount, tax, value_next_month, membership_id, membership_renewed_id, member_membership_id,
    product_id, service_id, corporate_partnership_id, corporate_partnership_name, membership_start_date,
    num_members, voucher, accounting_code, municipal_service_code, fl_receipt_only, fl_swimming, fl_allow_locker,
    sale_item_migration_id, _loaded_at)
select
    d."idSaleItem", s.sale_id, d.description, d.item, d."itemValue", d."saleValue",
    coalesce(d."saleValueWithoutCreditValue", d."saleValueWithoutCredit"), d.quantity, d.discount,
    d."corporateDiscount", d.tax, d."valueNextMonth", d."idMembership", d."idMembershipRenewed",
    d."idMemberMembership", d."idProduct", d."idService",
    coalesce(d."coporatePartnershipId", d."corporatePartnershipId", d."idCorporatePartnership"),
    coalesce(d."corporatePartnershipName", d."nameCorporatePartnership"),
    d."membershipStartDate" at time zone 'America/Sao_Paulo', d."numMembers", d.voucher, d."accountingCode",
    d."municipalServiceCode", d."flReceiptOnly", d."flSwimming", d."flAllowLocker",
    coalesce(d."idSaleItemMigration", d."saleItemMigrationId"), s._loaded_at
from stg_evo.sales_raw s
cross join lateral jsonb_to_recordset(case when jsonb_typeof(s.raw_data -> 'saleItens') = 'array' then s.raw_data -> 'saleItens' end) as d (
    "idSaleItem" bigint, description text, item text, "itemValue" numeric(15, 2), "saleValue" numeric(15, 2),
    "saleValueWithoutCreditValue" numeric(15, 2), "saleValueWithoutCredit" numeric(15, 2), quantity integer,
    discount numeric(15, 2), "corporateDiscount" numeric(15, 2), tax numeric(15, 2),
    "valueNextMonth" numeric(15, 2), "idMembership" bigint, "idMembershipRenewed" bigint,
    "idMemberMembership" bigint, "idProduct" bigint, "idService" bigint, "coporatePartnershipId" bigint,
    "corporatePartnershipId" bigint, "idCorporatePartnership" bigint, "corporatePartnershipName" text,
    "nameCorporatePartnership" text, "membershipStartDate" timestamp, "numMembers" integer, voucher text,
    "accountingCode" text, "municipalServiceCode" text, "flReceiptOnly" boolean, "flSwimming" boolean,
    "flAllowLocker" boolean, "idSaleItemMigration" text, "saleItemMigrationId" text)
where s.sale_id >= :low and s.sale_id < :high and d."idSaleItem" is not null;

insert into bench.evo_receivables (
    receivable_id, sale_id, registration_date, due_date, receiving_date, cancellation_date, update_date, amount,
    amount_paid, status_id, status_name, current_installment, total_installments, payment_type_id,
    payment_type_name, "authorization", tid, nsu, card_flag, transaction_token, _loaded_at)
select
    d."idReceivable", s.sale_id, d."registrationDate" at time zone 'America/Sao_Paulo',
    d."dueDate" at time zone 'America/Sao_Paulo', d."receivingDate" at time zone 'America/Sao_Paulo',
    d."cancellationDate" at time zone 'America/Sao_Paulo', d."updateDate" at time zone 'America/Sao_Paulo',
    coalesce(d.ammount, d.amount), d."ammountPaid", (d.status ->> 'id')::integer, d.status ->> 'name',
    d."currentInstallment", d."totalInstallments",
    coalesce((d."paymentType" ->> 'id')::integer, (d."paymentType" ->> 'idPaymentType')::integer),
    d."paymentType" ->> 'name', d."authorization", d.tid, d.nsu, d."cardFlag", d."transactionToken", s._loaded_at
from stg_evo.sales_raw s
cross join lateral jsonb_to_recordset(case when jsonb_typeof(s.raw_data -> 'receivables') = 'array' then s.raw_data -> 'receivables' end) as d (
    "idReceivable" bigint, "registrationDate" timestamp, "dueDate" timestamp, "receivingDate" timestamp,
    "cancellationDate" timestamp, "updateDate" timestamp, ammount numeric(15, 2), amount numeric(15, 2),
    "ammountPaid" numeric(15, 2), "currentInstallment" integer, "totalInstallments" integer, "authorization" text,
    tid text, nsu text, "cardFlag" text, "transactionToken" text, status jsonb, "paymentType" jsonb)
where s.sale_id >= :low and s.sale_id < :high and d."idReceivable" is not null;
