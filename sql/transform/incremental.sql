-- purpose: bring one core table up to date with the rows of some batches
-- placeholders: {model} the model's select over those rows, {table}, {columns}, {key}, {first_key}, {key_match}, {fresh_columns},
--               {table_columns}, {assignments}, {gone} a further CTE for child tables, {gone_count}
-- rows: one: rows of the model, inserted, updated, deleted
-- locks: the rows it writes, until commit
-- idempotent: rows that do not differ are not touched
with fresh as materialized (
    select {columns} from (
{model}
    ) m
),
differing as (
    select f.*, t.{first_key} is null as is_new
    from fresh f
    left join {table} t on {key_match}
    where t.{first_key} is null or ({fresh_columns}) is distinct from ({table_columns})
),
written as (
    insert into {table} ({columns})
    select {columns} from differing order by {key}
    on conflict ({key}) do update set {assignments}
    returning 1
){gone}
select (select count(*) from fresh), count(*) filter (where is_new), count(*) filter (where not is_new), {gone_count}
from differing
