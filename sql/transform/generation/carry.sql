-- purpose: give new rows what the old ones have in columns of the user's own
-- placeholders: {new}, {old} tables, {columns}, {old_values} of o, {new_values} of n, {same_key} joins n and
--               o
-- rows: none
-- locks: the rows it writes, until commit
-- idempotent: rows that do not differ are not touched
update {new} n
set ({columns}) = row({old_values})
from {old} o
where {same_key} and row({new_values}) is distinct from row({old_values})
