-- purpose: forget what was extracted; the objects in the lake stay
-- locks: exclusive on the tables that go
drop table evo.pace;
drop table evo.windows;
drop table evo.extractions;
