-- purpose: remember against which run the rows of an entity were last compared, to find those that its source no longer has
-- locks: none that anyone waits for; all objects are new

create table evo.followed_runs (
    entity         text        primary key,
    ingestion_date date,
    run_id         text        not null,
    missing        text        not null check (missing in ('mark', 'delete')),
    missing_count  bigint      not null check (missing_count >= 0),
    execution_id   uuid        not null,
    compared_at    timestamptz not null default clock_timestamp()
);
comment on table evo.followed_runs is
    'Per entity that follows its source: the newest whole run that its rows were compared with. A row that neither this run nor a newer one holds is missing.';
comment on column evo.followed_runs.missing is 'What became of the missing rows in core: marked with _deleted_at, or deleted.';
comment on column evo.followed_runs.missing_count is 'Rows of staging that are missing.';
comment on column evo.followed_runs.execution_id is 'The execution that compared them (evo.runs).';

create table evo.followed_batches (
    entity   text   not null,
    batch_id bigint not null references evo.batches,
    primary key (entity, batch_id)
);
create index followed_batches_batch_id_idx on evo.followed_batches (batch_id);
comment on table evo.followed_batches is 'Batches whose rows were compared with that run, or whose keys were. A set, because a batch with a low id may commit late.';

create table evo.mark_transactions (
    entity      text   not null,
    transaction text   not null,
    rows_count  bigint not null check (rows_count > 0),
    primary key (entity, transaction)
);
comment on table evo.mark_transactions is
    'Transactions that marked rows of staging as missing, or as there again: a verification need not ask who wrote them.';
comment on column evo.mark_transactions.transaction is 'As the rows show it (xmin).';
comment on column evo.mark_transactions.rows_count is 'Rows that it marked. If more rows show the number, it is that of another transaction: somebody restored the database.';
