-- purpose: the core tables of entries filled by hand: one pass over the document per table, columns typed in the record
-- parameters: psql variables low and high, the range of entry_id that this session fills
-- compared with evo's: no misfit is caught, a value that does not fit its type fails the whole statement
insert into bench.evo_entries (
    entry_id, entry_date, entry_date_turn, timezone, member_id, member_name, prospect_id, prospect_name,
    employee_id, employee_name, branch_id, entry_type, entry_action, device, block_reason, releases_by_id,
    migration_id, _source_run_id, _loaded_at)
select
    s.entry_id, s.entry_date, d."dateTurn" at time zone 'America/Sao_Paulo', d."timeZone", d."idMember",
    d."nameMember", d."idProspect", d."nameProspect", d."idEmployee", d."nameEmployee", d."idBranch", d."entryType",
    d."entryAction", d.device, d."blockReason", d."releasesByID", d."idMigration", s.run_id, s._loaded_at
from stg_evo.entries_raw s
cross join lateral jsonb_to_record(s.raw_data) as d (
    "dateTurn" timestamp, "timeZone" text, "idMember" bigint, "nameMember" text, "idProspect" bigint,
    "nameProspect" text, "idEmployee" bigint, "nameEmployee" text, "idBranch" bigint, "entryType" text,
    "entryAction" text, device text, "blockReason" text, "releasesByID" bigint, "idMigration" text)
where s.entry_id >= :low and s.entry_id < :high;
