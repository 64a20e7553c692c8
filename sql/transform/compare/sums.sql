-- purpose: sum up documents and their keys, and count the elements of their arrays, over a range of keys
-- placeholders: {hash} the hash of a key, {rows} the staged rows, {staging_key} their key, {record} their
--               arrays, by position, {lengths} how many elements each has in total
-- rows: one: documents, sum of the keys' hashes as text, elements of the arrays bigint[]
-- locks: none
-- idempotent: reads only
select count(*), coalesce(sum({hash}(s.{staging_key}, 0)), 0)::text, array[{lengths}]::bigint[]
from {rows} s
cross join lateral jsonb_to_record(s.raw_data) as d ({record})
