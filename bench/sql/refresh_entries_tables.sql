-- purpose: index-free tables of entries with evo's columns, for the hand-written refresh
create schema bench;
create table bench.evo_entries (like core.evo_entries including defaults including generated);
