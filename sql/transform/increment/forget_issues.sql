-- purpose: delete the issues of the changed documents, which are filed again where they still exist
-- parameters: $1 entity text
-- placeholders: {changed} the keys of the chunk, {key_part} a key as a part of key_text
-- rows: none
-- locks: the rows that it deletes, until commit
-- idempotent: what is deleted is not there any more
delete from evo.issues i
using {changed} c
where i.entity = $1 and split_part(i.key_text, ',', 1) = {key_part}
