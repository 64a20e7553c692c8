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
cross join lateral evo.as_children(s.raw_data, 'contacts', 'idPhone') c
cross join lateral jsonb_to_record(c.value) as d (
    "idContactType" text, "contactType" text, "typeDescription" text, ddi text, description text)
