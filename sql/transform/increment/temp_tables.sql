-- purpose: create the session's temporary tables for one model: what the documents say, what core holds for
--          the changed parents, what differs
-- placeholders: {fresh}, {old} and {diff} names that change with the columns, {columns} of the model, {table}
--               the core table
-- rows: none
-- locks: none outside of the session
-- idempotent: if not exists; repeated in every transaction, because a pooler may hand us another session.
--             Tables made for each chunk would bloat the catalogs
create temp table if not exists {fresh} on commit delete rows as select {columns} from {table} with no data;
create temp table if not exists {old} on commit delete rows as select {columns} from {table} with no data;
create temp table if not exists {diff} on commit delete rows as select {columns}, null::text as evo_class from {table} with no data;
