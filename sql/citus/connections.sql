-- purpose: let a transaction use a few connections to each server, and keep them for the session's next one
-- rows: none
-- locks: none
-- idempotent: sets the same again
-- By default a statement or a COPY opens up to sixteen to each server, and all but one are closed at the commit: to
-- open them again, with TLS, was a third to a half of the coordinator's CPU in a first load into 32 shards. The workers
-- of evo keep the servers busy as it is.
set local citus.max_adaptive_executor_pool_size = 4;
set local citus.max_cached_conns_per_worker = 4
