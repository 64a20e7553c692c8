-- purpose: read a sample of documents as texts
-- placeholders: {sample} of staged rows, with the document as text; {most} characters of a document
-- rows: document, run, object, line
-- locks: none
-- idempotent: reads only
select case when octet_length(d.document) <= {most} then d.document else left(d.document, {most}) end,
       d.run_id, d._source_file, d._source_line
from {sample} d
