-- purpose: find out how far the verdicts depend on batches that are under way at the same time
-- placeholders: {verdict} the verdicts
-- rows: one: whether a row is changed, whether a row of an older object is found unchanged
-- locks: none outside of the session
-- idempotent: reads only
select
    coalesce(bool_or(verdict = 'changed'), false),
    coalesce(bool_or(verdict = 'unchanged' and is_older), false)
from {verdict}
