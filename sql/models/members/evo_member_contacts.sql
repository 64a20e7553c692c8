-- grain: one row per phone or e-mail of a member
-- source: stg_evo.members_raw
-- parent key: member_id
-- key: member_id, phone_id
select
    c.id as phone_id,
    s.member_id,
    evo.as_int(d."idContactType") as contact_type_id,
    coalesce(d."contactType", d."typeDescription") as contact_type,
    d.ddi,
    d.description,
    s._loaded_at
from {source} s
cross join lateral (
    -- null, absent or no array: no children; of a repeated id the last
    select distinct on (e.id) e.id, e.value
    from (
        select evo.as_bigint(x.value ->> 'idPhone') as id, x.value, x.position
        from jsonb_array_elements(case when jsonb_typeof(s.raw_data -> 'contacts') = 'array' then s.raw_data -> 'contacts' end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) = 'object'
    ) e
    where e.id is not null
    order by e.id, e.position desc
) c
cross join lateral jsonb_to_record(c.value) as d (
    "idContactType" text, "contactType" text, "typeDescription" text, ddi text, description text)
