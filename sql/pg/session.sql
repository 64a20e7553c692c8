-- purpose: set everything that evo's statements, casts and texts rely on, however the server, the database or
--          the role is set
-- rows: none
-- locks: none
-- idempotent: sets the same again
-- Read by src/pg/settings.rs, one setting a line. `set local` begins every transaction: behind PgBouncer nothing
-- else is certain. The same values are sent when a session is opened, for what cannot run in a transaction:
-- VACUUM, REINDEX CONCURRENTLY. `set` is sent at the opening only; "transactions only" is not. "since N": from
-- that major version on. Nothing here needs a superuser. A setting that only a superuser may change is read when
-- a session is opened: see takes_writes.sql.

-- Which code runs: names and operators are the server's own, where only a superuser can create anything. Temporary
-- tables, which everybody may create by default, come last. Everything else is named with its schema.
set local search_path = pg_catalog, pg_temp;
-- Which rows are seen: all, or an error. A policy would hide some, and a refresh would treat them as deleted.
set local row_security = off;

-- What texts mean and how they are written.
set local standard_conforming_strings = on;
set local backslash_quote = safe_encoding;
set local escape_string_warning = on;
set local client_encoding = 'UTF8';
set local datestyle = 'ISO, YMD';
set local intervalstyle = postgres;
set local timezone = 'UTC';
set local extra_float_digits = 1;
set local bytea_output = hex;
set local xmlbinary = base64;
set local xmloption = content;
-- Read from a file each time: when a session is opened is enough, evo's own casts take no abbreviation.
set timezone_abbreviations = 'Default';
set local array_nulls = on;
set local transform_null_equals = off;
-- Definitions are read from the catalog, and parts of them replaced by their text.
set local quote_all_identifiers = off;
-- For to_char and to_number in a user's model.
set local lc_monetary = 'C';
set local lc_numeric = 'C';
set local lc_time = 'C';
-- An index that stops early would hide rows.
set local gin_fuzzy_search_limit = 0;

-- Time limits. A statement takes as long as its data needs; one that must not wait for a lock sets its own limit.
set local statement_timeout = 0;
set local lock_timeout = 0;
set local transaction_timeout = 0; -- since 17
-- A process that stalls in the middle of a transaction must not keep its locks for ever. A longer pause sets its own.
set local idle_in_transaction_session_timeout = '60s';
-- Between transactions a session holds nothing: it may rest while another one builds an index for an hour.
set idle_session_timeout = 0;
-- An error ends a statement. What to do about it is evo's business, and never the end of the session.
set local exit_on_error = off;

-- New tables. A year's table lies where its parent's others do, a new generation's where the present one's do.
set local default_tablespace = ''; -- transactions only
set local default_table_access_method = heap;
set local check_function_bodies = on;

-- How statements are planned. Their results do not depend on it, but hours may: statements of evo switch a kind of
-- join off and on again, and the rest was measured with the planner as PostgreSQL ships it. Costs and memory are the
-- server's.
set local enable_bitmapscan = on;
set local enable_hashagg = on;
set local enable_hashjoin = on;
set local enable_indexonlyscan = on;
set local enable_indexscan = on;
set local enable_material = on;
set local enable_mergejoin = on;
set local enable_nestloop = on;
set local enable_partition_pruning = on;
set local enable_seqscan = on;
set local enable_sort = on;
set local enable_tidscan = on;
set local plan_cache_mode = auto;
set local constraint_exclusion = partition;
-- Many wide statements that run for less than a second each: compiling them takes longer than it saves.
set local jit = off;
