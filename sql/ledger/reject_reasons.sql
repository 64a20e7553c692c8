-- purpose: count rejected lines by reason
-- parameters: $1 entities text[], $2 run id text or null, $3 resolved ones too boolean
-- rows: entity, reason, lines, objects; most lines first
-- locks: none
-- idempotent: reads only
select r.entity, r.reason, count(*), count(distinct r.object_id)
from evo.rejects r
where r.entity = any($1)
  and ($3 or r.resolved_at is null)
  and ($2::text is null or exists (select from evo.objects o where o.object_id = r.object_id and o.run_id = $2))
group by r.entity, r.reason
order by r.entity, count(*) desc, r.reason
