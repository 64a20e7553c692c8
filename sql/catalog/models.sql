-- purpose: read when each core table was last transformed
-- rows: table, generation, last full refresh and last increment (ISO 8601 in UTC, or null), rows of the last refresh
-- locks: none
-- idempotent: reads only
select
    table_name, generation, to_char(refreshed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    to_char(incremental_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), rows_count
from evo.models
order by table_name collate "C"
