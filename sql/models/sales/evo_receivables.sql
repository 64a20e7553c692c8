-- grain: one row per receivable of a sale
-- source: stg_evo.sales_raw
-- parent key: sale_id
-- key: sale_id, receivable_id
select
    c.id as receivable_id,
    s.sale_id,
    evo.as_timestamptz(d."registrationDate", {zone}) as registration_date,
    evo.as_timestamptz(d."dueDate", {zone}) as due_date,
    evo.as_timestamptz(d."receivingDate", {zone}) as receiving_date,
    evo.as_timestamptz(d."cancellationDate", {zone}) as cancellation_date,
    evo.as_timestamptz(d."updateDate", {zone}) as update_date,
    evo.as_decimal(coalesce(d.ammount, d.amount)) as amount,
    evo.as_decimal(d."ammountPaid") as amount_paid,
    evo.as_int(evo.as_object(d.status) ->> 'id') as status_id,
    evo.as_object(d.status) ->> 'name' as status_name,
    evo.as_int(d."currentInstallment") as current_installment,
    evo.as_int(d."totalInstallments") as total_installments,
    evo.as_int(coalesce(evo.as_object(d."paymentType") ->> 'id', evo.as_object(d."paymentType") ->> 'idPaymentType')) as payment_type_id,
    evo.as_object(d."paymentType") ->> 'name' as payment_type_name,
    d."authorization",
    d.tid,
    d.nsu,
    d."cardFlag" as card_flag,
    d."transactionToken" as transaction_token,
    s._loaded_at
from {source} s
cross join lateral evo.as_children(s.raw_data, 'receivables', 'idReceivable') c
cross join lateral jsonb_to_record(c.value) as d (
    "registrationDate" text, "dueDate" text, "receivingDate" text, "cancellationDate" text, "updateDate" text,
    ammount text, amount text, "ammountPaid" text, "currentInstallment" text, "totalInstallments" text,
    "authorization" text, tid text, nsu text, "cardFlag" text, "transactionToken" text, status jsonb,
    "paymentType" jsonb)
