-- purpose: after a complete listing, mark as gone the quarantined objects that the lake no longer holds
-- parameters: $1 entity text, $2 lake id int, $3 begin of the listing timestamptz
-- rows: none; the command tag counts the objects
-- locks: the objects' rows, until commit
-- idempotent: an object that is gone is no longer quarantined; if it comes back it is pending again
update evo.objects
set state = 'gone', reason = null
where entity = $1 and lake_id = $2 and state = 'quarantined' and seen_at < $3
