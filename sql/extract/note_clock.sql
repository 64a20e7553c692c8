-- purpose: record the source's time at which an extraction has begun, where that is behind the database's
-- parameters: $1 extraction id bigint, $2 time timestamptz, $3 zone of the entity text
-- rows: none
-- locks: the extraction's row, for a moment
-- idempotent: yes
update evo.extractions
set began_day = ($2 at time zone $3)::date
where extraction_id = $1 and state = 'open' and began_day > ($2 at time zone $3)::date
