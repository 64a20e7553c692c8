-- purpose: many tables in core, each with 20 columns, an index, a comment and a few rows, for the catalog
-- A transaction for each hundred: more locks than that do not fit the server.
create procedure public.make_tables(count int) language plpgsql as $$
declare
    columns text := (select string_agg(format('column_%s text', i), ', ') from generate_series(1, 18) i);
begin
    for i in 1 .. count loop
        execute format('create table core.made_%s (id bigint primary key, at timestamptz, %s)', i, columns);
        execute format('comment on table core.made_%s is %L', i, 'Table ' || i || ' of many.');
        execute format('insert into core.made_%s (id, at, column_1) select n, now(), n::text from generate_series(1, 20) n', i);
        if i % 100 = 0 then
            commit;
        end if;
    end loop;
end $$;
