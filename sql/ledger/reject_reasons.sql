-- purpose: how many lines were refused for which reason
-- parameters: $1 entities text[], $2 run id text or null, $3 also resolved ones boolean
-- rows: entity, reason, lines, objects
select r.entity, r.reason, count(*), count(distinct r.object_id)
from evo.rejects r
where r.entity = any($1)
  and ($3 or r.resolved_at is null)
  and ($2::text is null or exists (select from evo.objects o where o.object_id = r.object_id and o.run_id = $2))
group by r.entity, r.reason
order by r.entity, count(*) desc, r.reason
