-- purpose: a condition on issues: they are about a year that was rebuilt
-- placeholders: {column} the time column, {parts} conditions on it
-- rows: none; a fragment of forget_issues.sql
-- locks: none
-- idempotent: reads only
exists (select 1 from (select split_part(key_text, ',', 2)::timestamptz as {column}) k where {parts})
