//! Networks that swallow packets, and a bouncer between evo and the server.

use std::time::Duration;

use super::{BATCHES, Site, assert_whole, begin, end, generate};
use crate::support::pgbouncer::PgBouncer;
use crate::support::proxy::{COPY, COPY_DATA, Fault};
use crate::support::server::{Server, url};
use crate::support::{Database, Evo, Run};

#[test]
fn fault_06_a_connection_that_vanishes_in_its_copy_is_given_up_and_the_batch_repeated() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Vanish);
    let load = begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_STALL_TIMEOUT", "1s")]);
    site.proxy.wait();
    end(load).exits(0).says("was silent for");
    assert_whole(&site.evo);
}

#[test]
fn fault_06_a_network_that_forwards_nothing_for_a_while_is_waited_for() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Vanish);
    let through = format!("{}?connect_timeout=1", url(site.proxy.port, "postgres"));
    let load = begin(&site.evo, &through, &[("EVO_RETRY_STALL_TIMEOUT", "1s"), ("EVO_RETRY_BUDGET", "1m")]);
    site.proxy.wait();
    site.proxy.stall(true);
    std::thread::sleep(Duration::from_secs(6));
    site.proxy.stall(false);
    end(load).exits(0).says("the database is unavailable");
    assert_whole(&site.evo);
}

#[test]
fn fault_06_a_statement_that_waits_for_a_lock_is_not_taken_for_a_silent_one() {
    let site = Site::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let blocker = site.evo.db.url.clone();
    let (locked, is_locked) = std::sync::mpsc::channel();
    let holder = std::thread::spawn(move || {
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&blocker, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("begin; lock table stg_evo.sales_raw in share mode").await.unwrap();
            locked.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(4)).await;
            client.batch_execute("commit").await.unwrap();
        });
    });
    is_locked.recv().unwrap();
    let load = begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_STALL_TIMEOUT", "500ms")]);
    let run = end(load).exits(0);
    holder.join().unwrap();
    assert!(!run.stderr.contains("silent"), "{}", run.stderr);
    assert_eq!(site.proxy.count(COPY), BATCHES);
    assert_whole(&site.evo);
}

#[test]
fn fault_28_behind_pgbouncer_in_transaction_mode_a_load_and_a_transform_are_the_same() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    generate(&evo);
    let bouncer = PgBouncer::in_front_of(&server, 4);
    let through = bouncer.url("postgres");
    // Two side by side, then one more: server connections pass from one process to the next.
    let first = begin(&evo, &through, &[]);
    end(first).exits(0);
    let run = |args: &[&str]| Run::from(evo.command_at(&through, args).output().unwrap()).exits(0);
    run(&["load", "sales"]);
    assert_whole(&evo);
    run(&["transform", "sales"]);
    run(&["transform", "sales", "--full-refresh"]);
    assert_eq!(evo.db.one("select count(*) from core.evo_sales"), "2000");
    assert_eq!(evo.db.one("select count(*) from pg_prepared_statements"), "0");
}
