-- purpose: the session of the hand-written pipeline: one temporary table, the settings that the server has by itself
set client_min_messages = warning;
create temp table stage (doc jsonb) on commit delete rows;
