//! Settings from flags, environment, file and defaults together.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::error::{Error, Kind, Result};

fn resolve<const N: usize>(global: &GlobalArgs, variables: [(&str, &str); N]) -> Result<Settings> {
    let mut environment = Environment::from(variables);
    environment.directory = PathBuf::from("/nowhere");
    environment.os_user = Some("ana".to_owned());
    Settings::resolve(global, &environment)
}

#[test]
fn a_flag_beats_a_variable_and_a_variable_beats_the_default() {
    let global = GlobalArgs { lake: Some("/flag".into()), ..GlobalArgs::default() };
    let lake = |s: Settings| s.lake.to_string();
    assert_eq!(lake(resolve(&global, [("EVO_LAKE", "/variable")]).unwrap()), "/flag");
    assert_eq!(lake(resolve(&GlobalArgs::default(), [("EVO_LAKE", "/variable")]).unwrap()), "/variable");
    assert_eq!(lake(resolve(&GlobalArgs::default(), []).unwrap()), "/nowhere/.evo/lake");
}

#[test]
fn the_file_stands_between_variable_and_default_and_knows_its_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("evo.toml"), "\nworkers = 3\nbatch_size = 7\n[retry]\nbase = \"2s\"\n").unwrap();
    let mut environment = Environment::from([("EVO_WORKERS", "4")]);
    environment.directory = dir.path().to_owned();
    let settings = Settings::resolve(&GlobalArgs::default(), &environment).unwrap();
    assert_eq!((settings.workers, settings.batch_size, settings.retry.base), (4, Some(7), Duration::from_secs(2)));
    let origin = |name: &str| settings.shown.iter().find(|r| r.key.name == name).unwrap().origin.to_string();
    assert_eq!(origin("batch_size"), "evo.toml:3");
    assert_eq!(origin("workers"), "environment EVO_WORKERS");
    assert_eq!(origin("retry.max"), "default");
}

#[test]
fn the_database_comes_from_libpqs_variables_or_the_predecessors_or_is_private() {
    let address = |s: Settings| match s.database {
        Database::Embedded => "embedded".to_owned(),
        Database::Server(dsn) => dsn.to_string(),
    };
    let none = GlobalArgs::default();
    assert_eq!(address(resolve(&none, []).unwrap()), "embedded");
    let libpq = resolve(&none, [("PGHOST", "db"), ("PGPASSWORD", "hunter2"), ("PGDATABASE", "w")]).unwrap();
    assert_eq!(address(libpq), "postgresql://ana:***@db:5432/w?sslmode=verify-full");
    let old = resolve(&none, [("PG_HOST", "localhost"), ("PG_USER", "u"), ("PG_DATABASE", "w")]).unwrap();
    assert_eq!(address(old), "postgresql://u@localhost:5432/w?sslmode=prefer");
    assert!(resolve(&none, [("PGSERVICE", "x")]).unwrap_err().message().contains("service"));
}

#[test]
fn a_wrong_value_or_variable_names_itself_and_its_origin() {
    let none = GlobalArgs::default();
    let error = resolve(&none, [("EVO_WORKERS", "0")]).unwrap_err();
    assert!(error.message().contains("EVO_WORKERS"), "{}", error.render());
    let error = resolve(&none, [("EVO_WORKER", "2")]).unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean EVO_WORKERS?"));
    assert!(resolve(&none, [("EVO_USERNAME", "gym"), ("EVO_API_URL", "x")]).is_ok(), "they belong to the EVO API");
}

#[test]
fn a_flag_and_a_variable_of_one_setting_have_one_range() {
    let flag = |name, text: &str| GlobalArgs { of_command: vec![(name, text.to_owned())], ..GlobalArgs::default() };
    for (name, variable, text, range) in [
        ("workers", "EVO_WORKERS", "1000000", "1 to 64"),
        ("workers", "EVO_WORKERS", "0", "1 to 64"),
        ("batch_size", "EVO_BATCH_SIZE", "10001", "1 to 10000"),
        ("retry.max_retries", "EVO_RETRY_MAX_RETRIES", "1001", "0 to 1000"),
    ] {
        let global = match name {
            "retry.max_retries" => GlobalArgs { max_retries: Some(text.to_owned()), ..GlobalArgs::default() },
            _ => flag(name, text),
        };
        let by_flag = resolve(&global, []).unwrap_err();
        let by_variable = resolve(&GlobalArgs::default(), [(variable, text)]).unwrap_err();
        let tail = |e: &Error| e.message().split_once(": ").unwrap().1.to_owned();
        assert_eq!(tail(&by_flag), tail(&by_variable));
        assert!(by_flag.message().starts_with("--") && by_flag.message().contains(range), "{by_flag}");
        assert_eq!((by_flag.kind(), by_variable.kind()), (Kind::Usage, Kind::Config));
    }
    let settings = resolve(&flag("workers", "3"), [("EVO_WORKERS", "4")]).unwrap();
    let workers = settings.shown.iter().find(|r| r.key.name == "workers").unwrap();
    assert_eq!((settings.workers, workers.origin.to_string()), (3, "flag --workers".to_owned()));
}

#[test]
fn no_value_is_changed_in_silence() {
    let none = GlobalArgs::default();
    for (variable, text, range) in [
        ("EVO_LOAD_LEASE", "999ms", "1s to 1day"),
        ("EVO_RETRY_STALL_TIMEOUT", "99ms", "100ms to 1day"),
        ("EVO_LAKE_IDLE_TIMEOUT", "0s", "100ms to 1h"),
        ("EVO_RETRY_BUDGET", "9999999d", "0s to 7days"),
    ] {
        let error = resolve(&none, [("EVO_DATABASE_URL", "host=x"), (variable, text)]).unwrap_err();
        assert!(error.message().contains(variable) && error.message().contains(range), "{error}");
    }
    // The two pauses must agree; what came of it is shown.
    let pauses = |variables: [(&str, &str); 2]| {
        let settings = resolve(&none, variables).unwrap();
        let shown = |name| settings.shown.iter().find(|r| r.key.name == name).unwrap().text.clone().unwrap();
        (settings.retry.base, settings.retry.max, shown("retry.base"), shown("retry.max"))
    };
    let s = Duration::from_secs;
    let expected = (s(2), s(2), "2s".to_owned(), "2s".to_owned());
    assert_eq!(pauses([("EVO_RETRY_MAX", "2s"), ("EVO_RETRY_BASE", "")]), expected);
    let expected = (s(10), s(10), "10s".to_owned(), "10s".to_owned());
    assert_eq!(pauses([("EVO_RETRY_MAX", "2s"), ("EVO_RETRY_BASE", "10s")]), expected);
}

#[test]
fn a_json_log_makes_the_summary_json_unless_it_is_asked_for_otherwise() {
    let output = |variables: [(&str, &str); 2]| resolve(&GlobalArgs::default(), variables).unwrap().output;
    assert_eq!(output([("EVO_LOG_FORMAT", "json"), ("EVO_OUTPUT", "")]), Output::Json);
    assert_eq!(output([("EVO_LOG_FORMAT", "json"), ("EVO_OUTPUT", "text")]), Output::Text);
    assert_eq!(output([("EVO_LOG_FORMAT", ""), ("EVO_OUTPUT", "")]), Output::Text);
}

#[test]
fn no_secret_is_shown() {
    let global = GlobalArgs {
        database_url: Some("postgresql://u:hunter2@db/w?sslmode=disable".into()),
        ..GlobalArgs::default()
    };
    let settings = resolve(&global, [("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")]).unwrap();
    let shown = format!("{:?}", settings);
    assert!(!shown.contains("hunter2") && !shown.contains("c2VjcmV0"), "{shown}");
}
