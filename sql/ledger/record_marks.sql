-- purpose: record that the transaction has marked rows of staging
-- parameters: $1 entity text, $2 rows bigint
-- rows: none
-- locks: the row that it writes, until commit
-- idempotent: rows that one transaction marks are added up
insert into evo.mark_transactions as k (entity, transaction, rows_count)
values ($1, pg_current_xact_id()::xid::text, $2)
on conflict (entity, transaction) do update set rows_count = k.rows_count + excluded.rows_count
