-- purpose: read settings of the server as this role's sessions have them
-- parameters: $1 names text[]
-- rows: name; value as SHOW writes it; as a number, memory in bytes, null for words; the words that it takes,
--       null for numbers
-- locks: none
-- idempotent: reads only
select s.name, current_setting(s.name),
       case when s.vartype in ('integer', 'real') then s.setting::double precision * case s.unit
           when 'B' then 1 when 'kB' then 1024 when '8kB' then 8192 when '16MB' then 16777216 when 'MB' then 1048576
           else 1 end
       end,
       s.enumvals
from pg_settings s
where s.name = any ($1)
