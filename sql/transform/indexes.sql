-- purpose: the indexes of a core table, and the name that each has on one partition
-- parameters: $1 table text, $2 partition text
-- rows: definition of the parent's index, constraint definition or null, name on the partition; primary key first
select pg_get_indexdef(i.indexrelid), pg_get_constraintdef(k.oid), p.relname::text
from pg_index i
left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
join pg_inherits h on h.inhparent = i.indexrelid
join pg_index pi on pi.indexrelid = h.inhrelid and pi.indrelid = $2::text::regclass
join pg_class p on p.oid = pi.indexrelid
where i.indrelid = $1::text::regclass
order by i.indisprimary desc, 3
