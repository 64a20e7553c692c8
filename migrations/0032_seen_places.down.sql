alter table evo.seen_keys
    drop column first_place,
    drop column last_place;
