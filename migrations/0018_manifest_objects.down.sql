-- purpose: forget what manifests say of single objects, and how far the records of a window reach
-- locks: exclusive on the tables that change
alter table evo.windows drop column newest_day;
alter table evo.manifests drop column lists_objects;
drop table evo.manifest_objects;
comment on column evo.extractions.began_day is 'Day on which it began, in the entity''s zone: the next one begins there at the latest.';
