-- purpose: empty the session's temporary tables of one model for the next part of the same transaction
-- placeholders: {fresh}, {old}, {diff}
-- rows: none
-- locks: none outside the session
-- idempotent: yes
delete from {fresh};
delete from {old};
delete from {diff};
