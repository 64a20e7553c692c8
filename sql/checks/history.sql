-- purpose: versions follow each other without overlap, and the newest one counts
-- for: each history
-- severity: fail
-- when: swap, increment, check
-- hint: something else wrote to core; evo transform ENTITY --full-refresh makes the history again
-- note: between the rows of a child may be times without it; a document counts at any time from its first version on
select concat_ws(',', {identity}, h.since)
from (
    select {identity}, {since} as since, valid_to as until,
           lead({since}) over (partition by {identity} order by {since}) as next
    from {history} v
) h
where h.until <= h.since or h.until > h.next or (h.until is null and h.next is not null)
   or ({is_whole} and h.until is distinct from h.next)
