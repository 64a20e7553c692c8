-- purpose: find the triggers and event triggers that call a function
-- parameters: $1 function with its argument types, as the server writes it, text
-- rows: the trigger as a phrase, is it an event trigger, this role; event triggers first
-- locks: none
-- idempotent: reads only
select format('event trigger %I on %s', e.evtname,
              coalesce(array_to_string(e.evttags, ', '), e.evtevent || ', whatever the statement')),
       true, current_user::text
from pg_event_trigger e
where e.evtfoid = to_regprocedure($1) and e.evtenabled <> 'D'
union all
select format('trigger %I on %s', t.tgname, t.tgrelid::regclass), false, current_user::text
from pg_trigger t
where t.tgfoid = to_regprocedure($1) and not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'D'
order by 2 desc, 1
