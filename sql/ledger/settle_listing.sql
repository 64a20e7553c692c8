-- purpose: what was set aside and is not in the lake any more needs nobody's attention: it is gone
-- parameters: $1 entity text, $2 lake id int, $3 when the listing began timestamptz
-- rows: none; the command tag counts the objects
-- idempotent; after a listing that was complete. What comes back is pending again
update evo.objects
set state = 'gone', reason = null
where entity = $1 and lake_id = $2 and state = 'quarantined' and seen_at < $3
