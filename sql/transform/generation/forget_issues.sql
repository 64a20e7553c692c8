-- purpose: forget the issues that a new generation replaces
-- parameters: $1 entity text, $2 the execution that built it uuid
-- placeholders: {within} a condition on the issues
-- rows: none
-- locks: the rows it deletes, until commit
-- idempotent: yes
delete from evo.issues where entity = $1 and execution_id <> $2 and {within}
