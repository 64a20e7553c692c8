-- purpose: the core tables: typed, natural keys, the columns that reports use in their order
-- Every table is partitioned, so that a full refresh can build a new generation beside the old one and swap it in without
-- touching the parent: its name, views, grants and index names stay. A child's key starts with its parent's key, which the
-- partitioning needs; the index on the child's own id is for those who look it up alone.
-- No foreign keys: parent and children are swapped together and written in one transaction.
create schema if not exists core;
comment on schema core is 'Typed tables for reports. Written by evo only.';

create table core.evo_members (
    member_id                           bigint not null,
    branch_id                           bigint,
    branch_name                         text,
    first_name                          text,
    last_name                           text,
    full_name                           text generated always as (trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))) stored,
    register_name                       text,
    register_last_name                  text,
    use_preferred_name                  boolean default false,
    document                            text,
    document_id                         text,
    email                               text,
    cellphone                           text,
    gender                              text,
    birth_date                          date,
    marital_status                      text,
    address                             text,
    address_number                      text,
    complement                          text,
    neighborhood                        text,
    city                                text,
    state                               text,
    country                             text,
    zip_code                            text,
    access_card_number                  text,
    access_blocked                      boolean default false,
    blocked_reason                      text,
    status                              text,
    membership_status                   text,
    penalized                           boolean default false,
    total_fit_coins                     numeric(15, 2),
    register_date                       timestamptz,
    conversion_date                     timestamptz,
    last_access_date                    timestamptz,
    update_date                         timestamptz,
    photo_url                           text,
    gympass_id                          text,
    code_totalpass                      text,
    user_id_gurupass                    text,
    client_with_promotional_restriction boolean default false,
    personal_trainer                    boolean default false,
    personal_type                       text,
    cref                                text,
    cref_expiration_date                date,
    employee_consultant_id              bigint,
    employee_consultant_name            text,
    employee_instructor_id              bigint,
    employee_instructor_name            text,
    employee_personal_id                bigint,
    employee_personal_name              text,
    member_migration_id                 text,
    _source_run_id                      text,
    _loaded_at                          timestamptz not null default now(),
    _updated_at                         timestamptz not null default now(),
    primary key (member_id)
) partition by range (member_id);
create table core.evo_members_all partition of core.evo_members for values from (minvalue) to (maxvalue);
create index idx_core_members_branch on core.evo_members (branch_id);
create index idx_core_members_status on core.evo_members (status);
comment on table core.evo_members is 'One row per member.';

create table core.evo_member_memberships (
    member_membership_id        bigint not null,
    member_id                   bigint not null,
    membership_id               bigint,
    membership_name             text,
    membership_renewed_id       bigint,
    sale_id                     bigint,
    sale_date                   timestamptz,
    start_date                  timestamptz,
    end_date                    timestamptz,
    cancel_date                 timestamptz,
    cancel_date_on              timestamptz,
    cancel_creation_date        timestamptz,
    membership_status           text,
    value_next_month            numeric(15, 2),
    original_value              numeric(15, 2),
    next_charge                 timestamptz,
    next_date_suspension        timestamptz,
    category_membership_id      bigint,
    loyalty_end_date            timestamptz,
    assessment_end_date         timestamptz,
    acceptance_date             timestamptz,
    num_members                 integer,
    fl_allow_locker             boolean,
    fl_additional_membership    boolean,
    allow_les_mills             boolean,
    allows_cancellation_by_app  boolean,
    signed_terms                boolean,
    limitless                   boolean,
    weekly_limit                integer,
    bioimpedance_amount         integer,
    concluded_sessions          integer,
    pending_sessions            integer,
    scheduled_sessions          integer,
    pending_repositions         integer,
    repositions_total           integer,
    bonus_sessions              integer,
    number_suspension_times     integer,
    max_suspension_days         integer,
    minimum_suspension_days     integer,
    disponible_suspension_days  integer,
    disponible_suspension_times integer,
    days_left_to_freeze         integer,
    contract_printing           text,
    freezes                     jsonb,
    sessions                    jsonb,
    _loaded_at                  timestamptz not null default now(),
    _updated_at                 timestamptz not null default now(),
    primary key (member_id, member_membership_id)
) partition by range (member_id);
create table core.evo_member_memberships_all partition of core.evo_member_memberships for values from (minvalue) to (maxvalue);
create index idx_core_member_memberships_membership on core.evo_member_memberships (member_membership_id);
create index idx_core_member_memberships_status on core.evo_member_memberships (membership_status);
comment on table core.evo_member_memberships is 'One row per contract of a member.';

create table core.evo_member_contacts (
    phone_id        bigint not null,
    member_id       bigint not null,
    contact_type_id integer,
    contact_type    text,
    ddi             text,
    description     text,
    _loaded_at      timestamptz not null default now(),
    primary key (member_id, phone_id)
) partition by range (member_id);
create table core.evo_member_contacts_all partition of core.evo_member_contacts for values from (minvalue) to (maxvalue);
create index idx_core_member_contacts_phone on core.evo_member_contacts (phone_id);
comment on table core.evo_member_contacts is 'One row per phone or e-mail of a member.';

create table core.evo_prospects (
    prospect_id              bigint not null,
    branch_id                bigint,
    branch_name              text,
    first_name               text,
    last_name                text,
    full_name                text generated always as (trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))) stored,
    document                 text,
    email                    text,
    cellphone                text,
    gender                   text,
    birth_date               date,
    address                  text,
    address_number           text,
    complement               text,
    neighborhood             text,
    city                     text,
    state                    text,
    country                  text,
    zip_code                 text,
    signup_type              text,
    mkt_channel              text,
    current_step             text,
    gympass_id               text,
    conversion_date          timestamptz,
    member_id                bigint,
    is_converted             boolean generated always as (member_id is not null) stored,
    responsible_name         text,
    responsible_document     text,
    responsible_is_financial boolean,
    register_date            timestamptz,
    custom_fields            jsonb,
    _source_run_id           text,
    _loaded_at               timestamptz not null default now(),
    _updated_at              timestamptz not null default now(),
    primary key (prospect_id)
) partition by range (prospect_id);
create table core.evo_prospects_all partition of core.evo_prospects for values from (minvalue) to (maxvalue);
comment on table core.evo_prospects is 'One row per prospect.';

create table core.evo_sales (
    sale_id                    bigint not null,
    member_id                  bigint,
    prospect_id                bigint,
    employee_id                bigint,
    employee_sale_id           bigint,
    employee_sale_name         text,
    personal_id                bigint,
    branch_id                  bigint,
    sale_date                  timestamptz,
    sale_date_server           timestamptz,
    update_date                timestamptz,
    sale_source                integer,
    observations               text,
    corporate_partnership_id   bigint,
    corporate_partnership_name text,
    sale_recurrency_id         bigint,
    removed                    boolean default false,
    removal_date               timestamptz,
    employee_removal_id        bigint,
    sale_migration_id          text,
    cart_token                 text,
    _source_run_id             text,
    _loaded_at                 timestamptz not null default now(),
    _updated_at                timestamptz not null default now(),
    primary key (sale_id)
) partition by range (sale_id);
create table core.evo_sales_all partition of core.evo_sales for values from (minvalue) to (maxvalue);
create index idx_core_sales_member on core.evo_sales (member_id);
create index idx_core_sales_date on core.evo_sales (sale_date);
create index idx_core_sales_branch on core.evo_sales (branch_id);
comment on table core.evo_sales is 'One row per sale.';

create table core.evo_sale_items (
    sale_item_id               bigint not null,
    sale_id                    bigint not null,
    description                text,
    item                       text,
    item_value                 numeric(15, 2),
    sale_value                 numeric(15, 2),
    sale_value_without_credit  numeric(15, 2),
    quantity                   integer,
    discount                   numeric(15, 2),
    corporate_discount         numeric(15, 2),
    tax                        numeric(15, 2),
    value_next_month           numeric(15, 2),
    membership_id              bigint,
    membership_renewed_id      bigint,
    member_membership_id       bigint,
    product_id                 bigint,
    service_id                 bigint,
    corporate_partnership_id   bigint,
    corporate_partnership_name text,
    membership_start_date      timestamptz,
    num_members                integer,
    voucher                    text,
    accounting_code            text,
    municipal_service_code     text,
    fl_receipt_only            boolean,
    fl_swimming                boolean,
    fl_allow_locker            boolean,
    sale_item_migration_id     text,
    _loaded_at                 timestamptz not null default now(),
    _updated_at                timestamptz not null default now(),
    primary key (sale_id, sale_item_id)
) partition by range (sale_id);
create table core.evo_sale_items_all partition of core.evo_sale_items for values from (minvalue) to (maxvalue);
create index idx_core_sale_items_item on core.evo_sale_items (sale_item_id);
comment on table core.evo_sale_items is 'One row per item of a sale.';

create table core.evo_receivables (
    receivable_id       bigint not null,
    sale_id             bigint not null,
    registration_date   timestamptz,
    due_date            timestamptz,
    receiving_date      timestamptz,
    cancellation_date   timestamptz,
    update_date         timestamptz,
    amount              numeric(15, 2),
    amount_paid         numeric(15, 2),
    status_id           integer,
    status_name         text,
    current_installment integer,
    total_installments  integer,
    payment_type_id     integer,
    payment_type_name   text,
    "authorization"     text,
    tid                 text,
    nsu                 text,
    card_flag           text,
    transaction_token   text,
    _loaded_at          timestamptz not null default now(),
    _updated_at         timestamptz not null default now(),
    primary key (sale_id, receivable_id)
) partition by range (sale_id);
create table core.evo_receivables_all partition of core.evo_receivables for values from (minvalue) to (maxvalue);
create index idx_core_receivables_receivable on core.evo_receivables (receivable_id);
create index idx_core_receivables_due on core.evo_receivables (due_date);
comment on table core.evo_receivables is 'One row per receivable of a sale.';

create table core.evo_entries (
    entry_id        bigint not null,
    entry_date      timestamptz not null,
    entry_date_turn timestamptz,
    timezone        text,
    member_id       bigint,
    member_name     text,
    prospect_id     bigint,
    prospect_name   text,
    employee_id     bigint,
    employee_name   text,
    branch_id       bigint,
    entry_type      text,
    entry_action    text,
    device          text,
    block_reason    text,
    releases_by_id  bigint,
    migration_id    text,
    _source_run_id  text,
    _loaded_at      timestamptz not null default now(),
    primary key (entry_id, entry_date)
) partition by range (entry_date);
create table core.evo_entries_default partition of core.evo_entries default;
create index idx_core_entries_date on core.evo_entries (entry_date);
create index idx_core_entries_member on core.evo_entries (member_id) where (member_id is not null);
create index idx_core_entries_branch on core.evo_entries (branch_id);
comment on table core.evo_entries is 'One row per passage of a turnstile.';

comment on column core.evo_prospects.register_date is 'May be null: one prospect without it must not stop all others.';
comment on column core.evo_members.cellphone is 'First mobile (contact type 2), else first landline (type 1).';
comment on column core.evo_members.email is 'First contact of type 4.';
comment on column core.evo_entries.entry_id is 'Digest of date, member, prospect, employee, branch, device and action; unique together with entry_date.';
