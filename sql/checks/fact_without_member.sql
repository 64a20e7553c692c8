-- purpose: sales and entries of members are of known members
-- for: each entity
-- entity: sales, entries
-- severity: warn
-- when: check
-- hint: load and transform members; members that the API no longer has stay unknown
(select distinct f.member_id from {parent} f where f.member_id <> 0)
except
select m.member_id from core.evo_members m
