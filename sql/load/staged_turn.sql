-- purpose: list the lanes of a batch
-- placeholders: {stage} the stage table, {lane} the lane of a key
-- rows: one: the lanes as bits of a bigint
-- locks: none outside of the session
-- idempotent: reads only
select coalesce(bit_or(1::bigint << {lane}), 0) from {stage} where rejected_line is null
