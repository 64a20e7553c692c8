-- purpose: how far the verdicts depend on batches that are under way at the same time
-- rows: changes a row; finds a row of an older object unchanged
select
    coalesce(bool_or(verdict = 'changed'), false),
    coalesce(bool_or(verdict = 'unchanged' and is_older), false)
from evo_verdict
