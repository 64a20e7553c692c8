-- purpose: the session of the other hand-written pipeline: lines staged as text, cast when they are merged
set client_min_messages = warning;
create temp table stage (doc text) on commit delete rows;
