-- purpose: the least that a keyed table of documents can be
create schema bench;
create table bench.keyed (key bigint primary key, doc jsonb compression lz4 not null);
