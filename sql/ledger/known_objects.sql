-- purpose: count the objects of a listed page of which nothing has to be recorded: the ledger knows them, and
--          no other version of their paths
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[]
-- rows: state, and the number of objects
-- locks: none
-- idempotent: reads only
-- Where they are fewer than the page has, record_objects.sql reads the whole page.
-- A page is a stretch of an ordered listing. So the ledger's objects between its first and its last path are
-- read at once, which costs a quarter of looking each of them up. Where twice as many lie there, the page was no
-- such stretch, and nothing is said.
with page as materialized (
    select l.path, l.etag from unnest($3::text[], $4::text[]) as l (path, etag)
),
ends as materialized (
    select min(path) as first, max(path) as last, 2 * count(*) + 1 as too_many from page
),
near as materialized (
    select o.path, o.etag, o.state
    from ends e
    join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path between e.first and e.last
    limit (select too_many from ends)
),
compared as (
    select case when n.etag = p.etag then n.state else 'another version' end as state, count(*) as objects
    from page p
    join near n on n.path = p.path
    group by 1
)
select c.state, c.objects
from compared c
where c.state in ('pending', 'loaded')
  and not exists (select from compared other where other.state = 'another version')
  and (select count(*) from near) < (select too_many from ends)
