-- purpose: read a sample of documents as texts
-- placeholders: {sample} staged rows, {most} characters of a document
-- rows: document, run, object, line
-- locks: none
-- idempotent: reads only
-- The offset keeps the planner from making the text twice.
select case when octet_length(d.document) <= {most} then d.document else left(d.document, {most}) end, d.run_id, d._source_file, d._source_line
from (select s.raw_data::text as document, s.run_id, s._source_file, s._source_line from {sample} s offset 0) d
