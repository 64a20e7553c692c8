-- purpose: sum up documents and their keys over a range of keys
-- placeholders: {hash} the hash of a key, {rows} the staged rows, {staging_key} their key
-- rows: one: documents, sum of the keys' hashes as text
-- locks: none
-- idempotent: reads only
select count(*), coalesce(sum({hash}(s.{staging_key}, 0)), 0)::text
from {rows} s
