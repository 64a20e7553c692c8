-- purpose: after a complete listing, mark quarantined objects as gone that the lake does not hold any more
-- parameters: $1 entity text, $2 lake id int, $3 begin of the listing timestamptz
-- rows: none; the command tag counts the objects
-- locks: the objects' rows, until commit
-- idempotent: what is gone is not quarantined any more; what comes back is pending again
update evo.objects
set state = 'gone', reason = null
where entity = $1 and lake_id = $2 and state = 'quarantined' and seen_at < $3
