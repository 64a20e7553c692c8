-- purpose: count the lines of each object of the batch, apart from the rows that were written
-- placeholders: {verdict} the verdicts, {stage} the stage table
-- rows: object number, accepted, winners, unchanged, superseded by what staging holds, rejected
-- locks: none outside of the session
-- idempotent: reads only
select
    coalesce(s.object_no, v.object_no),
    coalesce(s.accepted, 0), coalesce(v.winners, 0),
    coalesce(v.unchanged, 0), coalesce(v.superseded, 0), coalesce(s.rejected, 0)
from (
    select object_no,
           count(*) filter (where rejected_line is null) as accepted,
           count(*) filter (where rejected_line is not null) as rejected
    from {stage}
    group by object_no
) s
full join (
    select object_no, count(*) as winners,
           count(*) filter (where verdict = 'unchanged') as unchanged,
           count(*) filter (where verdict = 'superseded') as superseded
    from {verdict}
    group by object_no
) v on v.object_no = s.object_no
