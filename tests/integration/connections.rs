//! What the pool keeps and what it discards: rows 4 and 6 of what must survive, seen from the library.

use std::time::{Duration, Instant};

use crate::support::Database;
use crate::support::proxy::{Fault, Proxy};
use crate::support::server::{Server, url};

/// The library's pool on a database of its own.
fn with_pool(test: impl AsyncFnOnce(evo::pg::Pool)) {
    pool_at(&Database::migrated().url, 1, test);
}

fn pool_at(url: &str, size: usize, test: impl AsyncFnOnce(evo::pg::Pool)) {
    let mut dsn = evo::config::Dsn::parse(url).unwrap();
    dsn.stall_timeout = Duration::from_millis(500);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { test(evo::pg::Pool::for_writing(dsn, "evo:test", size, None)).await });
}

async fn backend(pool: &evo::pg::Pool) -> i32 {
    pool.get().await.unwrap().query_one("select pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[test]
fn a_connection_goes_back_to_the_pool_after_an_error_of_its_statement() {
    with_pool(async |pool| {
        let first = backend(&pool).await;
        let error = pool.get().await.unwrap().batch("select 1/0").await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        assert_eq!(backend(&pool).await, first);
    });
}

#[test]
fn a_connection_whose_copy_failed_or_was_dropped_is_never_used_again() {
    with_pool(async |pool| {
        let first = backend(&pool).await;
        {
            let mut connection = pool.get().await.unwrap();
            let tx = connection.begin().await.unwrap();
            tx.batch("create temp table t (a int) on commit drop").await.unwrap();
            let mut copy = tx.copy_in("copy t from stdin").await.unwrap();
            copy.send("no number\n".into()).await.unwrap();
            assert_eq!(copy.finish().await.unwrap_err().sqlstate(), Some("22P02"));
        }
        let second = backend(&pool).await;
        assert_ne!(second, first);
        {
            let mut connection = pool.get().await.unwrap();
            let tx = connection.begin().await.unwrap();
            tx.batch("create temp table t (a int) on commit drop").await.unwrap();
            drop(tx.copy_in("copy t from stdin").await.unwrap());
        }
        assert_ne!(backend(&pool).await, second);
    });
}

#[test]
fn a_statement_that_is_dropped_is_canceled_on_the_server_and_its_connection_never_used_again() {
    with_pool(async |pool| {
        let first = backend(&pool).await;
        {
            let connection = pool.get().await.unwrap();
            let statement = connection.batch("select pg_sleep(60)");
            assert!(tokio::time::timeout(Duration::from_millis(200), statement).await.is_err());
        }
        assert_ne!(backend(&pool).await, first);
        let count = "select count(*) from pg_stat_activity where pid = $1";
        let since = Instant::now();
        while pool.get().await.unwrap().query_one(count, &[&first]).await.unwrap().get::<_, i64>(0) > 0 {
            assert!(since.elapsed() < Duration::from_secs(10), "the server still works on it");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn fault_04_a_connection_that_is_lost_takes_the_idle_ones_with_it() {
    // After a failover they lead to a server that takes no writes, and nothing tells the pool.
    let server = Server::start(&[("fsync", "off")]);
    let proxy = Proxy::to(server.port);
    proxy.when(b"lost here", 1, Fault::Swallow);
    pool_at(&url(proxy.port, "postgres"), 2, async |pool| {
        let (lost, idle) = (pool.get().await.unwrap(), pool.get().await.unwrap());
        let pid = "select pg_backend_pid()";
        let idle_pid: i32 = idle.query_one(pid, &[]).await.unwrap().get(0);
        drop(idle);
        let error = lost.batch("select 'lost here'").await.unwrap_err();
        assert_eq!(error.kind(), evo::error::Kind::DatabaseUnavailable);
        drop(lost);
        let both = (pool.get().await.unwrap(), pool.get().await.unwrap());
        for connection in [both.0, both.1] {
            assert_ne!(connection.query_one(pid, &[]).await.unwrap().get::<_, i32>(0), idle_pid);
        }
    });
}

#[test]
fn fault_06_a_session_that_was_lost_without_the_servers_knowing_is_ended_with_its_locks() {
    let server = Server::start(&[("fsync", "off")]);
    let proxy = Proxy::to(server.port);
    proxy.when(b"lost here", 1, Fault::Vanish);
    pool_at(&url(proxy.port, "postgres"), 2, async |pool| {
        let mut lost = pool.get().await.unwrap();
        let tx = lost.begin().await.unwrap();
        tx.batch("select pg_advisory_xact_lock(42)").await.unwrap();
        assert_eq!(tx.batch("select 'lost here'").await.unwrap_err().kind(), evo::error::Kind::DatabaseUnavailable);
        drop(tx);
        drop(lost);
        let is_free = "select pg_try_advisory_xact_lock(42)";
        assert!(pool.get().await.unwrap().query_one(is_free, &[]).await.unwrap().get::<_, bool>(0));
    });
}

#[test]
fn a_session_with_a_name_longer_than_the_server_shows_is_found_by_its_name() {
    let db = Database::migrated();
    let mut dsn = evo::config::Dsn::parse(&db.url).unwrap();
    dsn.stall_timeout = Duration::from_millis(200);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let name = format!("evo:transform:visitação_{}", "x".repeat(80));
        let pool = evo::pg::Pool::for_writing(dsn, &name, 1, None);
        // Longer than the timeout for a silent server: the session is found by its name, and it is at work.
        let row = pool.get().await.unwrap().query_one("select pg_sleep(1.5)::text", &[]).await;
        assert!(row.is_ok(), "{row:?}");
    });
}
