-- purpose: tell the planner that the keys of a large chunk are all different
-- placeholders: {changed} the keys of the chunk
-- rows: none
-- locks: none outside of the session
-- idempotent: yes
-- Without it the planner fears that many keys are the same, and makes a hash table of all of core's rows
-- instead of one of the keys.
analyze {changed}
