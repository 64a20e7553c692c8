-- purpose: the session of the hand-written pipeline: one temporary table, as fast as this way gets
set client_min_messages = warning;
set synchronous_commit = off;
create temp table stage (doc jsonb compression lz4) on commit delete rows;
