-- purpose: the session's temporary tables for one model: what the documents say, what core holds for the changed parents, what differs
-- placeholders: {fresh}, {old}, {diff} names that change with the columns, {columns}, {table}
-- locks: none outside the session; a temp table made per chunk would bloat the catalogs
-- idempotent: if not exists; repeated in every transaction because a pooler may hand us another session
create temp table if not exists {fresh} on commit delete rows as select {columns} from {table} with no data;
create temp table if not exists {old} on commit delete rows as select {columns} from {table} with no data;
create temp table if not exists {diff} on commit delete rows as select {columns}, null::text as evo_class from {table} with no data;
