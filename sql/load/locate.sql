-- purpose: tell the winners where their documents are, after these were sent
-- rows: none
update evo_winner w set stage_row = d.ctid
from evo_document d
where d.object_no = w.object_no and d.line_no = w.line_no
