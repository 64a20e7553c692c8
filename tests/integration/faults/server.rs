//! Sessions that end, servers that stop, fail over, fill up and turn read-only, and other clients of theirs.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{BATCHES, DONE, LOAD, Site, WORKERS, assert_whole, begin, end};
use crate::support::proxy::{COPY, COPY_DATA, Fault, Proxy};
use crate::support::server::{Server, SmallDisk, eventually, fill, free_port, signal, url};
use crate::support::{Database, Evo, is_root, object};

#[test]
fn fault_01_a_backend_killed_in_its_copy_costs_a_repetition_and_no_row() {
    let site = Site::new();
    let load = site.begin_up_to_a_copy();
    signal(site.pid_in_copy(), libc::SIGKILL);
    site.proxy.release();
    end(load).exits(0);
    assert!(site.server.log().contains("terminated by signal 9"), "the server noticed nothing");
    assert_whole(&site.evo);
}

#[test]
fn fault_02_a_terminated_session_repeats_its_batch_at_once() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load =
        begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_BASE", "50s"), ("EVO_RETRY_BUDGET", "1h")]);
    site.proxy.wait();
    let _ = site.sql(&format!("select pg_terminate_backend({})", site.pid_in_copy()));
    site.proxy.release();
    // A fiftieth of 50 s is a second; a pause of 50 s would be seen.
    let since = Instant::now();
    end(load).exits(0);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(site.proxy.count(COPY), BATCHES + 1);
    assert_whole(&site.evo);
}

#[test]
fn fault_03_a_server_that_is_stopped_and_started_is_waited_for_by_one_who_looks() {
    for mode in ["fast", "immediate"] {
        let mut site = Site::new();
        site.proxy.when(COPY_DATA, 3, Fault::Hold);
        let many = ["load", "sales", "--workers", "8", "--batch-size", "2"];
        let mut load = site.evo.command_at(&url(site.proxy.port, "postgres"), &many);
        let load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        site.proxy.wait();
        site.server.stop(mode);
        site.proxy.release();
        std::thread::sleep(Duration::from_millis(300));
        let before = site.proxy.accepted();
        std::thread::sleep(Duration::from_secs(1));
        let looks = site.proxy.accepted() - before;
        // One looks every 50 to 100 ms; eight workers that look each on its own would do it 80 times and
        // more.
        assert!((5..=25).contains(&looks), "{looks} looks in a second");
        site.server.run();
        end(load).exits(0).says("the database is unavailable").says("the database takes writes");
        assert_whole(&site.evo);
    }
}

#[test]
fn fault_04_after_a_failover_the_load_goes_on_where_the_name_leads_to_within_15_seconds() {
    let mut primary = Server::start(&[("fsync", "off")]);
    let standby = primary.standby();
    let mut site = Site::on(primary);
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    // The pauses of a production job.
    let load =
        begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_BASE", "5s"), ("EVO_RETRY_BUDGET", "2m")]);
    site.proxy.wait();
    site.server.stop("immediate");
    site.proxy.cut();
    std::thread::sleep(Duration::from_secs(3));
    standby.promote();
    site.proxy.retarget(standby.port);
    let promoted = Instant::now();
    let before = standby.sql(DONE);
    eventually("a batch after the failover", || standby.sql(DONE) != before);
    let resumed = promoted.elapsed();
    let run = end(load).exits(0);
    assert!(resumed < Duration::from_secs(15), "resumed after {resumed:?}");
    assert!(site.proxy.count(COPY) <= BATCHES + WORKERS, "{} COPYs\n{}", site.proxy.count(COPY), run.stderr);
    site.evo.db.url = standby.url("postgres");
    assert_whole(&site.evo);
}

#[test]
fn fault_04_a_demoted_primary_that_is_named_first_is_passed_over() {
    let mut primary = Server::start(&[("fsync", "off")]);
    let standby = primary.standby();
    let mut site = Site::on(primary);
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let both = format!("postgresql://evo@127.0.0.1:{},127.0.0.1:{}/postgres", site.proxy.port, standby.port);
    let load = begin(&site.evo, &both, &[("EVO_RETRY_BUDGET", "1m")]);
    site.proxy.wait();
    site.server.stop("immediate");
    site.proxy.cut();
    standby.promote();
    site.server.demote(&standby);
    site.server.run();
    end(load).exits(0);
    site.evo.db.url = standby.url("postgres");
    assert_whole(&site.evo);
}

#[test]
fn fault_05_a_name_is_resolved_again_at_every_attempt() {
    let wrapper = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"]
        .map(|dir| format!("{dir}/libnss_wrapper.so"))
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("libnss-wrapper is missing: scripts/setup --tests installs it");
    let mut primary = Server::start(&[("fsync", "off")]);
    let standby = primary.standby();
    let mut site = Site::on(primary);
    let port = free_port();
    let (old, new) = (Proxy::at("127.0.0.1", port, site.server.port), Proxy::at("127.0.0.2", port, standby.port));
    let hosts = site.evo.dir.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 warehouse.test\n").unwrap();
    old.when(COPY_DATA, 3, Fault::Hold);
    let load = begin(
        &site.evo,
        &format!("postgresql://evo@warehouse.test:{port}/postgres?sslmode=disable"),
        &[("LD_PRELOAD", &wrapper), ("NSS_WRAPPER_HOSTS", hosts.to_str().unwrap()), ("EVO_RETRY_BUDGET", "1m")],
    );
    old.wait();
    site.server.stop("immediate");
    old.cut();
    standby.promote();
    // The name leads to the old node for a while, and that one is a standby by now.
    site.server.demote(&standby);
    site.server.run();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(new.accepted(), 0);
    std::fs::write(&hosts, "127.0.0.2 warehouse.test\n").unwrap();
    end(load).exits(0).says("is a standby");
    site.evo.db.url = standby.url("postgres");
    assert_whole(&site.evo);
}

#[test]
fn fault_15_a_disk_that_fills_ends_the_load_with_code_8_and_the_next_run_finishes() {
    if !is_root() {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let server = Server::start(&[("fsync", "off")]);
    let disk = SmallDisk::mount("24m");
    let site = Site::on(server);
    let _ = site.evo.db.sql(&format!("create tablespace small location '{}'", disk.path().display()));
    let _ = site.evo.db.sql("alter table stg_evo.sales_raw set tablespace small");
    let filler = "create table filler tablespace small as select repeat('x', 7000) from generate_series(1, 10)";
    let _ = site.evo.db.sql(filler);
    // Leave room for a batch or two.
    let _ = site.evo.db.sql("do $$ begin loop insert into filler select string_agg(md5(random()::text), '') from generate_series(1, 12000); \
         exit when pg_tablespace_size('small') > 21 * 1024 * 1024; end loop; end $$");
    end(site.begin()).exits(8).says("53100").says("free or add storage");
    let done: u32 = site.sql(DONE).parse().unwrap();
    assert!(done < BATCHES, "the disk was not full");
    let _ = site.evo.db.sql("drop table filler");
    site.evo.run(&LOAD).exits(0);
    assert_whole(&site.evo);
    let _ = site.evo.db.sql("alter table stg_evo.sales_raw set tablespace pg_default");
}

#[test]
fn fault_15_a_full_disk_on_which_no_session_opens_is_waited_for() {
    if !is_root() {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let site = Site::on(Server::start_on_disk("200m", &[("fsync", "off")]));
    // Without its cache of the catalog a server writes a new one as it opens a session, and opens none if it
    // cannot.
    let data = site.server.data();
    let databases = std::fs::read_dir(data.join("base")).unwrap().map(|entry| entry.unwrap().path());
    for folder in databases.chain([data.join("global")]) {
        let _ = std::fs::remove_file(folder.join("pg_internal.init"));
    }
    let filler = fill(site.server.home());
    let load = begin(&site.evo, &url(site.server.port, "postgres"), &[("EVO_RETRY_BUDGET", "30s")]);
    eventually("a session that does not open", || site.server.log().contains("could not write init file"));
    std::fs::remove_file(filler).unwrap();
    end(load).exits(0).says("could not write init file").says("all work waits, nothing is lost");
    assert_whole(&site.evo);
}

#[test]
fn fault_15_a_server_that_turns_read_only_ends_the_load_with_code_8_and_the_next_run_finishes() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load =
        begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_BASE", "5s"), ("EVO_RETRY_BUDGET", "10m")]);
    site.proxy.wait();
    let _ = site.evo.db.sql("alter system set default_transaction_read_only = on");
    let _ = site.evo.db.sql("select pg_reload_conf()");
    let since = Instant::now();
    site.proxy.release();
    end(load).exits(8).says("read-only although it is not a standby").says("storage");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let _ = site.evo.db.sql("alter system reset default_transaction_read_only");
    let _ = site.evo.db.sql("select pg_reload_conf()");
    site.evo.run(&LOAD).exits(0);
    assert_whole(&site.evo);
}

#[test]
fn fault_23_a_deadlock_with_a_foreign_writer_repeats_the_batch_at_once() {
    let server = Server::start(&[("fsync", "off"), ("deadlock_timeout", "1s"), ("log_lock_waits", "on")]);
    let evo = Evo::with(Database::on(&server));
    let lines = |amount: u32| (1..=50).map(|id| format!(r#"{{"idSale":{id},"amount":{amount}}}"#)).collect::<Vec<_>>();
    let write = |run: &str, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        object("sales", run, "2025-12_part-00001").lines(&evo.lake(), &lines);
    };
    write("20260110T020501Z", &lines(1));
    evo.run(&["load", "sales"]).exits(0);
    write("20260111T020501Z", &lines(2));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let foreign = evo.db.url.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&foreign, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            let touch = |key: i32| format!("update stg_evo.sales_raw set _updated_at = now() where sale_id = {key}");
            // evo is the one that notices: it waits for a second, this one for ten.
            client.batch_execute("set deadlock_timeout = '10s'; begin").await.unwrap();
            client.batch_execute(&touch(50)).await.unwrap();
            ready.send(()).unwrap();
            // Not pg_stat_activity, of which a transaction sees one snapshot only.
            let waits = "select count(*) from pg_locks where not granted";
            for _ in 0..500 {
                let rows = client.query(waits, &[]).await.unwrap();
                if rows[0].get::<_, i64>(0) > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            client.batch_execute(&touch(1)).await.unwrap();
            client.batch_execute("commit").await.unwrap();
        });
    });
    is_ready.recv().unwrap();
    evo.run(&["load", "sales"]).exits(0).says("deadlock detected").says("40P01");
    writer.join().unwrap();
    assert_eq!(
        evo.db.one("select count(*) || ' ' || sum((raw_data->>'amount')::int) from stg_evo.sales_raw"),
        "50 100"
    );
}
