-- purpose: is there a row to be written whose document has not been sent
-- rows: one boolean
select exists (select from evo_verdict where verdict in ('new', 'changed') and stage_row is null)
