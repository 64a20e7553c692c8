-- purpose: what batches have counted and what staging holds may differ by rows that somebody deleted and that were loaded a
--          second time: the difference is settled in the ledger once all documents have been compared
-- locks: none that anyone waits for
create table evo.recounts (
    recount_id   bigint      generated always as identity primary key,
    entity       text        not null,
    rows_count   bigint      not null check (rows_count <> 0),
    execution_id uuid        not null,
    recounted_at timestamptz not null default clock_timestamp()
);
create index recounts_entity_idx on evo.recounts (entity);
comment on table evo.recounts is
    'Differences between the rows of staging and the rows that batches have counted as inserted, settled by evo verify --repair: rows = inserted + these.';
comment on column evo.recounts.rows_count is 'Rows more than the batches have counted; below zero: fewer.';
comment on column evo.recounts.execution_id is 'The execution that compared all documents (evo.runs).';
