-- purpose: remember between which places the keys lie that an object has seen, so that a late run reads only
--          the sets that may have keys of its own
-- locks: evo.seen_keys, ACCESS EXCLUSIVE for a moment; no rewrite
alter table evo.seen_keys
    add column first_place bigint,
    add column last_place  bigint;
comment on column evo.seen_keys.first_place is
    'Least place of its keys: the time in microseconds since 1970 where a time is part of the key, else the key as the set has it. Null: not known.';
comment on column evo.seen_keys.last_place is 'Greatest place of its keys.';
