-- grain: one row per passage
-- source: stg_evo.entries_raw
-- parent key: entry_id
-- key: entry_id, entry_date
select
    s.entry_id,
    s.entry_date,
    evo.as_timestamptz(d."dateTurn", {zone}) as entry_date_turn,
    d."timeZone" as timezone,
    evo.as_bigint(d."idMember") as member_id,
    d."nameMember" as member_name,
    evo.as_bigint(d."idProspect") as prospect_id,
    d."nameProspect" as prospect_name,
    evo.as_bigint(d."idEmployee") as employee_id,
    d."nameEmployee" as employee_name,
    evo.as_bigint(d."idBranch") as branch_id,
    d."entryType" as entry_type,
    d."entryAction" as entry_action,
    d.device,
    d."blockReason" as block_reason,
    evo.as_bigint(d."releasesByID") as releases_by_id,
    d."idMigration" as migration_id,
    s.run_id as _source_run_id,
    s._loaded_at
from {source} s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "dateTurn" text, "timeZone" text, "idMember" text, "nameMember" text, "idProspect" text, "nameProspect" text,
    "idEmployee" text, "nameEmployee" text, "idBranch" text, "entryType" text, "entryAction" text, device text,
    "blockReason" text, "releasesByID" text, "idMigration" text)
