//! The pipeline under settings drawn at random, for the server's databases, for roles, or for both, in
//! databases of any collation, ends as the undisturbed one does: every step succeeds, the same content of
//! every table by checksum.
//!
//! `EVO_TEST_SETTINGS` sets how many combinations are tried (6), `EVO_TEST_SEED` where they begin.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Lake, PIPELINE, failed, undisturbed};
use crate::support::{Database, Dice, outcome, try_sql};

/// A setting and values that somebody may have given it.
const POOL: &[(&str, &[&str])] = &[
    ("default_transaction_isolation", &["repeatable read", "serializable", "read uncommitted"]),
    ("default_transaction_read_only", &["on"]),
    ("default_transaction_deferrable", &["on"]),
    ("datestyle", &["SQL, DMY", "German", "Postgres, MDY", "ISO, DMY", "SQL, YMD"]),
    ("intervalstyle", &["iso_8601", "sql_standard", "postgres_verbose"]),
    ("timezone", &["Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns", "Etc/GMT+12", "-07:30"]),
    ("timezone_abbreviations", &["India", "Australia"]),
    ("standard_conforming_strings", &["off"]),
    ("backslash_quote", &["off", "on"]),
    ("escape_string_warning", &["off"]),
    ("client_encoding", &["LATIN1", "SQL_ASCII", "WIN1252"]),
    ("extra_float_digits", &["-15", "0", "3"]),
    ("bytea_output", &["escape"]),
    ("array_nulls", &["off"]),
    ("transform_null_equals", &["on"]),
    ("quote_all_identifiers", &["on"]),
    ("xmlbinary", &["hex"]),
    ("xmloption", &["document"]),
    ("lc_monetary", &["C", "POSIX"]),
    ("lc_messages", &["C", "POSIX"]),
    ("row_security", &["on", "off"]),
    ("search_path", &["", "core, public", "elsewhere, public, pg_catalog", "pg_temp"]),
    ("statement_timeout", &["1ms", "20ms"]),
    ("lock_timeout", &["1ms"]),
    ("idle_in_transaction_session_timeout", &["1ms", "50ms"]),
    ("idle_session_timeout", &["1ms", "50ms"]),
    ("transaction_timeout", &["10ms", "200ms"]),
    ("exit_on_error", &["on"]),
    ("work_mem", &["64kB"]),
    ("maintenance_work_mem", &["1MB"]),
    ("temp_buffers", &["800kB"]),
    ("hash_mem_multiplier", &["1"]),
    ("enable_seqscan", &["off"]),
    ("enable_indexscan", &["off"]),
    ("enable_indexonlyscan", &["off"]),
    ("enable_bitmapscan", &["off"]),
    ("enable_hashjoin", &["off"]),
    ("enable_mergejoin", &["off"]),
    ("enable_nestloop", &["off"]),
    ("enable_hashagg", &["off"]),
    ("enable_sort", &["off"]),
    ("enable_incremental_sort", &["off"]),
    ("enable_memoize", &["off"]),
    ("enable_material", &["off"]),
    ("enable_tidscan", &["off"]),
    ("enable_partition_pruning", &["off"]),
    ("enable_partitionwise_join", &["on"]),
    ("enable_partitionwise_aggregate", &["on"]),
    ("constraint_exclusion", &["on", "off"]),
    ("plan_cache_mode", &["force_generic_plan", "force_custom_plan"]),
    ("from_collapse_limit", &["1"]),
    ("join_collapse_limit", &["1"]),
    ("geqo_threshold", &["2"]),
    ("cursor_tuple_fraction", &["0.001"]),
    ("parallel_setup_cost", &["0"]),
    ("parallel_tuple_cost", &["0"]),
    ("min_parallel_table_scan_size", &["0"]),
    ("min_parallel_index_scan_size", &["0"]),
    ("max_parallel_workers_per_gather", &["0", "4"]),
    ("parallel_leader_participation", &["off"]),
    ("force_parallel_mode", &["on"]),
    ("debug_parallel_query", &["on"]),
    ("jit", &["on"]),
    ("jit_above_cost", &["0"]),
    ("gin_fuzzy_search_limit", &["1"]),
    ("synchronize_seqscans", &["off"]),
    ("synchronous_commit", &["off", "local", "remote_apply"]),
    ("default_toast_compression", &["pglz", "lz4"]),
    ("default_tablespace", &["elsewhere"]),
    ("temp_tablespaces", &["elsewhere"]),
    ("check_function_bodies", &["off"]),
    ("client_min_messages", &["debug1", "error"]),
    ("default_text_search_config", &["pg_catalog.german"]),
    ("vacuum_cost_delay", &["1ms"]),
    ("stats_fetch_consistency", &["snapshot", "none"]),
    ("session_preload_libraries", &["auto_explain"]),
    ("max_stack_depth", &["400kB"]),
    ("deadlock_timeout", &["1ms"]),
    ("log_statement", &["all"]),
    ("track_counts", &["off"]),
    ("track_functions", &["all"]),
];

/// Only a superuser gets the better of it.
const FOR_SUPERUSERS: &[(&str, &[&str])] = &[("session_replication_role", &["replica", "local"])];

const COLLATIONS: [&str; 6] = [
    "",
    "locale 'C'",
    "locale 'C.UTF-8'",
    "locale 'C.UTF-8' locale_provider icu icu_locale 'tr-TR'",
    "locale 'C.UTF-8' locale_provider icu icu_locale 'en-US-u-kn-true-kf-upper'",
    "locale 'C.UTF-8' locale_provider icu icu_locale 'pt-BR-u-ka-shifted'",
];

/// Names and operators that others have put where `search_path` may lead.
const ELSEWHERE: &str = "
    create schema elsewhere;
    create function elsewhere.sprung() returns boolean language plpgsql as $$ begin raise exception 'hostile code ran'; end $$;
    create function elsewhere.lower(text) returns text language sql as 'select elsewhere.sprung()::text';
    create function elsewhere.now() returns timestamptz language sql as 'select elsewhere.sprung()::text::timestamptz';
    create function elsewhere.sprung(text, text) returns boolean language sql as 'select elsewhere.sprung()';
    create operator elsewhere.= (leftarg = text, rightarg = text, function = elsewhere.sprung);
    create operator elsewhere.|| (leftarg = text, rightarg = text, function = elsewhere.sprung);
    create view elsewhere.pg_class as select * from pg_catalog.pg_class where elsewhere.sprung();
    create domain elsewhere.jsonb as pg_catalog.jsonb check (elsewhere.sprung());
    grant usage on schema elsewhere to public; grant select on elsewhere.pg_class to public";

/// One combination: where it is set, and what.
struct Combination {
    seed: u64,
    collation: &'static str,
    is_superuser: bool,
    /// `alter … set` statements, with {role} and {database}.
    statements: Vec<String>,
}

impl Combination {
    /// `known` are the settings that the server has.
    fn drawn(seed: u64, known: &[String], has_icu: bool) -> Self {
        let mut dice = Dice(seed);
        let is_superuser = dice.roll(4) == 0;
        let collations = if has_icu { COLLATIONS.len() } else { 3 };
        let collation = COLLATIONS[dice.index(collations)];
        // Few together show which one it is, many together that they do not hide each other.
        let one_in = 1 + dice.roll(8);
        let mut statements = Vec::new();
        let superusers = if is_superuser { FOR_SUPERUSERS } else { &[] };
        for (name, values) in POOL.iter().chain(superusers).filter(|(name, _)| known.iter().any(|k| k == name)) {
            if dice.roll(one_in) > 0 {
                continue;
            }
            let place = dice.pick(&["role {role}", "role {role} in database {database}", "database {database}"]);
            let value = dice.pick(values);
            // Lists are written without quotes around the whole.
            let value =
                if *name == "search_path" && !value.is_empty() { value.to_owned() } else { format!("'{value}'") };
            statements.push(format!("alter {place} set {name} = {value}"));
        }
        Self { seed, collation, is_superuser, statements }
    }

    fn describe(&self) -> String {
        let role = if self.is_superuser { "a superuser" } else { "an ordinary role" };
        format!(
            "EVO_TEST_SEED={} EVO_TEST_SETTINGS=1, {role}, database {}:\n{}",
            self.seed,
            self.collation,
            self.statements.join(";\n")
        )
    }

    /// Plays the pipeline under it. What differs from the undisturbed one, if anything does.
    fn play(&self, lake: &Lake, expected: &[Vec<String>]) -> Result<(), String> {
        let db = Database::made(self.collation);
        let (server, database) = db.url.rsplit_once('/').unwrap();
        let admin = format!("{server}/postgres");
        let role = Role::create(&admin, database, self.is_superuser);
        db.sql(ELSEWHERE);
        for statement in &self.statements {
            let statement = statement.replace("{role}", &role.name).replace("{database}", database);
            try_sql(&admin, &statement).map_err(|e| format!("{statement}: {e:?}"))?;
        }
        let (_, host) = server.rsplit_once('@').unwrap();
        let played = lake.play(&format!("postgresql://{}:{}@{host}/{database}", role.name, role.name), PIPELINE);
        try_sql(&admin, &format!("alter database {database} reset all")).unwrap();
        if let Some(failure) = failed(&played) {
            return Err(failure);
        }
        match outcome(&db) {
            content if content == expected => Ok(()),
            content => Err(format!("{content:#?}\ninstead of {expected:#?}")),
        }
    }
}

/// A role of its own, dropped after its database.
struct Role {
    admin: String,
    name: String,
}

impl Role {
    fn create(admin: &str, database: &str, is_superuser: bool) -> Self {
        let name = format!("r_{}", database.trim_start_matches("t_"));
        let kind = if is_superuser { "superuser" } else { "nosuperuser" };
        try_sql(admin, &format!("create role {name} login {kind} password '{name}'")).unwrap();
        try_sql(admin, &format!("alter database {database} owner to {name}")).unwrap();
        Self { admin: admin.to_owned(), name }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let name = &self.name;
        // What is left of it is the database, which goes next; a role that owns nothing else can wait for
        // `drop_left_overs`.
        let _ = try_sql(&self.admin, &format!("drop role if exists {name}"));
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn no_setting_of_role_database_or_server_changes_what_is_loaded_and_transformed() {
    let lake = Lake::generated();
    let expected = undisturbed(&lake);
    let any = Database::bare();
    let known: Vec<String> = any.sql("select name from pg_settings").concat();
    let has_icu = any.one("select count(*) from pg_collation where collprovider = 'i'") != "0"
        && any.one("select current_setting('server_version_num')::int >= 150000") == "t";
    // Only from 15 on a tablespace can lie in the server's own folder.
    let _ = try_sql(&any.url, "set allow_in_place_tablespaces = on; create tablespace elsewhere location ''");
    let has_tablespace = try_sql(&any.url, "grant create on tablespace elsewhere to public").is_ok();
    let known: Vec<String> = known.into_iter().filter(|name| has_tablespace || !name.contains("tablespace")).collect();
    let (first, count) = (number("EVO_TEST_SEED", 20_260_101), number("EVO_TEST_SETTINGS", 6));
    let (next, failures) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let combination = Combination::drawn(seed, &known, has_icu);
                    if let Err(difference) = combination.play(&lake, &expected) {
                        failures.lock().unwrap().push(format!("{}\n{difference}", combination.describe()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {count}:\n\n{}", failures.len(), failures.join("\n\n"));
}
