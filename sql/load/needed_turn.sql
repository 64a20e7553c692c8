-- purpose: find out how far the verdicts depend on batches that are under way at the same time
-- placeholders: {verdict} the verdicts, {lane} the lane of a key
-- rows: one: the lanes in which a row is changed, and those in which a row of an older object is found
--       unchanged, as bits of a bigint
-- locks: none outside of the session
-- idempotent: reads only
select
    coalesce(bit_or(1::bigint << {lane}) filter (where verdict = 'changed'), 0),
    coalesce(bit_or(1::bigint << {lane}) filter (where verdict = 'unchanged' and is_older), 0)
from {verdict}
