-- purpose: the session of the same pipeline by somebody who knows the server: lz4, and no waiting for commits
set client_min_messages = warning;
set synchronous_commit = off;
create temp table stage (doc jsonb compression lz4) on commit delete rows;
