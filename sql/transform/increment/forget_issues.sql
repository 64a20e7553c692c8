-- purpose: forget the issues of the changed documents, which are filed anew where they still are
-- parameters: $1 entity text
delete from evo.issues i
using evo_changed c
where i.entity = $1 and split_part(i.key_text, ',', 1) = c.key::text
