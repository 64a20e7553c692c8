-- purpose: of the contracts that began in a month, how many are still running
-- rows: month, contracts begun, active, canceled, share still active in percent; the newest first
select date_trunc('month', start_date) as month,
       count(*) as begun,
       count(*) filter (where membership_status = 'active') as active,
       count(*) filter (where cancel_date is not null) as canceled,
       round(100.0 * count(*) filter (where membership_status = 'active') / count(*), 1) as retention_percent
from core.evo_member_memberships
where start_date is not null
group by 1
order by 1 desc;
