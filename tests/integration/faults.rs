//! What must survive: one test per row of docs/faults.md, against real servers, proxies and signals.
//!
//! The invariant of every row: no row lost, none twice, the ledger says what the data is, an honest exit code, and the
//! next run finishes the work.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::pgbouncer::PgBouncer;
use crate::support::proxy::{COMMIT, COPY, COPY_DATA, Fault, Proxy};
use crate::support::server::{Server, SmallDisk, eventually, free_port, signal, url};
use crate::support::{Database, Evo, Run, is_root, object};

/// 36 objects, two a batch.
const BATCHES: u32 = 18;
const WORKERS: u32 = 2;
const LOAD: [&str; 6] = ["load", "sales", "--workers", "2", "--batch-size", "2"];
const DONE: &str = "select count(*) from evo.batches b where exists (select from evo.objects o where o.batch_id = b.batch_id and o.state = 'loaded')";
const IN_COPY: &str = "select pid from pg_stat_activity where query ilike 'copy %' and state = 'active'";
const CONTENT: &str = "select count(*) || ' ' || coalesce(md5(string_agg(raw_data::text || _source_file || _source_line, ',' order by sale_id)), '') \
     from stg_evo.sales_raw";

/// A warehouse on a server of its own, with eighteen batches of sales to load, and a proxy in front of it.
struct Site {
    evo: Evo,
    proxy: Proxy,
    server: Server,
}

impl Site {
    fn new() -> Self {
        Self::on(Server::start(&[("fsync", "off")]))
    }

    fn on(server: Server) -> Self {
        let evo = Evo::with(Database::on(&server));
        generate(&evo);
        Self { evo, proxy: Proxy::to(server.port), server }
    }

    /// Begins to load through the proxy.
    fn begin(&self) -> Child {
        begin(&self.evo, &url(self.proxy.port, "postgres"), &[])
    }

    fn sql(&self, query: &str) -> String {
        self.evo.db.sql(query).first().map_or(String::new(), |row| row[0].clone())
    }

    fn pid_in_copy(&self) -> i32 {
        let mut pid = 0;
        eventually("a session in its COPY", || {
            pid = self.sql(IN_COPY).parse().unwrap_or(0);
            pid > 0
        });
        pid
    }
}

fn generate(evo: &Evo) {
    evo.run(&["generate", "sales", "--records", "2000", "--part-records", "100"]).exits(0);
}

fn begin(evo: &Evo, url: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = evo.command_at(url, &LOAD);
    command.envs(variables.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for its end, two minutes at most.
#[track_caller]
fn end(child: Child) -> Run {
    let pid = child.id() as i32;
    let (ended, has_ended) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if has_ended.recv_timeout(Duration::from_secs(120)).is_err() {
            signal(pid, libc::SIGKILL);
        }
    });
    let run = child.wait_with_output().unwrap().into();
    let _ = ended.send(());
    watchdog.join().unwrap();
    run
}

/// Asserts the invariant: what is staged is what an undisturbed load stages, and the ledger accounts for each line once.
#[track_caller]
fn assert_whole(evo: &Evo) {
    let undisturbed = Evo::new();
    Run::from(evo.command_at(&undisturbed.db.url, &["load", "sales"]).output().unwrap()).exits(0);
    assert_eq!(evo.db.one(CONTENT), undisturbed.db.one(CONTENT));
    let ledger = "select count(*) || ' ' || sum(lines_count) from evo.objects where state = 'loaded'";
    assert_eq!(evo.db.one(ledger), undisturbed.db.one(ledger));
    assert_eq!(evo.db.one("select sum(inserted_count) from evo.batches"), "2000");
    assert_eq!(evo.db.one("select count(*) from evo.objects where state <> 'loaded'"), "0");
}

#[test]
fn fault_01_a_backend_killed_in_its_copy_costs_a_repetition_and_no_row() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load = site.begin();
    site.proxy.wait();
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
        // One looks every 50 to 100 ms; eight workers that look each on its own would do it 80 times and more.
        assert!((5..=25).contains(&looks), "{looks} looks in a second");
        site.server.run();
        end(load).exits(0).says("the database is away").says("the database takes writes");
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
fn fault_06_a_connection_that_vanishes_in_its_copy_is_given_up_and_the_batch_repeated() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Vanish);
    let load = begin(&site.evo, &url(site.proxy.port, "postgres"), &[("EVO_RETRY_STALL_TIMEOUT", "1s")]);
    site.proxy.wait();
    end(load).exits(0).says("kept silent");
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
    end(load).exits(0).says("the database is away");
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
fn fault_07_a_commit_whose_reply_is_lost_is_not_copied_again() {
    let site = Site::new();
    let commits = site.proxy.count(COMMIT);
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load = site.begin();
    site.proxy.wait();
    let sent = site.proxy.count(COMMIT) - commits;
    site.proxy.when(COMMIT, 1, Fault::Swallow);
    site.proxy.release();
    let run = end(load).exits(0).says("in doubt");
    assert!(sent < BATCHES);
    assert_eq!(site.proxy.count(COPY), BATCHES, "{}", run.stderr);
    // What the ledger says it did is counted as done by this run.
    let words: Vec<&str> = run.stdout.lines().find(|l| l.starts_with("sales ")).unwrap().split_whitespace().collect();
    assert_eq!(words[1..4], ["36", "2,000", "2,000"], "{}", run.stdout);
    assert_whole(&site.evo);
}

#[test]
fn fault_07_a_claim_whose_reply_is_lost_leaves_no_batch_behind() {
    let site = Site::new();
    site.proxy.when(b"as is_taken_over", 3, Fault::Swallow);
    let load = site.begin();
    site.proxy.wait();
    end(load).exits(0);
    assert_whole(&site.evo);
}

#[test]
fn fault_08_a_commit_that_a_crash_forgot_is_repeated() {
    let mut site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load = site.begin();
    site.proxy.wait();
    site.proxy.when(COMMIT, 1, Fault::Hold);
    site.proxy.release();
    site.proxy.wait();
    // The client waits for the answer to its commit; the server has not made it durable, and never will.
    site.server.stop("immediate");
    site.proxy.cut();
    site.server.run();
    site.proxy.release();
    end(load).exits(0).says("in doubt");
    assert_eq!(site.proxy.count(COPY).min(BATCHES + 1), BATCHES + 1, "nothing was repeated");
    assert_whole(&site.evo);
}

#[test]
fn fault_09_an_attempt_that_is_still_running_is_waited_for_and_its_work_not_done_twice() {
    let site = Site::new();
    site.proxy.when(COMMIT, 3, Fault::Reset);
    let load = site.begin();
    site.proxy.wait();
    // The backend sleeps with its work done and its commit not read; the client hears that its connection is gone.
    let behind = format!("select pid from pg_stat_activity where client_port = {}", site.proxy.struck_port());
    let pid: i32 = site.sql(&behind).parse().unwrap();
    signal(pid, libc::SIGSTOP);
    site.proxy.release();
    std::thread::sleep(Duration::from_secs(2));
    let waiting = "select count(*) from pg_stat_activity where application_name like 'evo:load:%' and wait_event_type in ('Lock', 'IPC')";
    let waited = site.sql(waiting) != "0"
        || site.sql("select count(*) from pg_stat_activity where query like '%pg_terminate_backend(pid, $4)%'") != "0";
    signal(pid, libc::SIGCONT);
    end(load).exits(0).says("in doubt");
    assert!(waited, "nobody waited for the first attempt");
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
    end(load).exits(8).says("read-only although it is no standby").says("storage");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let _ = site.evo.db.sql("alter system reset default_transaction_read_only");
    let _ = site.evo.db.sql("select pg_reload_conf()");
    site.evo.run(&LOAD).exits(0);
    assert_whole(&site.evo);
}

#[test]
fn fault_18_sigterm_ends_a_load_with_143_and_sigint_with_130_and_the_next_run_finishes() {
    for (number, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130)] {
        let site = Site::new();
        site.proxy.when(COPY_DATA, 3, Fault::Hold);
        let load = site.begin();
        site.proxy.wait();
        signal(load.id() as i32, number);
        std::thread::sleep(Duration::from_millis(300));
        site.proxy.release();
        end(load).exits(code);
        let finished = "select state || ' ' || exit_code from evo.runs where command = 'load'";
        assert_eq!(site.sql(finished), format!("interrupted {code}"));
        let done: u32 = site.sql(DONE).parse().unwrap();
        assert!(done <= 2 + WORKERS, "{done} batches were begun after the signal");
        site.evo.run(&LOAD).exits(0);
        assert_whole(&site.evo);
    }
}

#[test]
fn fault_18_what_does_not_finish_within_the_grace_is_rolled_back_and_the_process_ends_in_25_seconds() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load = site.begin();
    site.proxy.wait();
    signal(load.id() as i32, libc::SIGTERM);
    let since = Instant::now();
    end(load).exits(143);
    let took = since.elapsed();
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(25), "{took:?}");
    assert_eq!(site.sql("select state || ' ' || exit_code from evo.runs where command = 'load'"), "interrupted 143");
    site.proxy.release();
    site.evo.run(&LOAD).exits(0);
    assert_whole(&site.evo);
}

#[test]
fn fault_18_a_second_signal_ends_the_process_at_once_and_loses_nothing() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let load = site.begin();
    site.proxy.wait();
    signal(load.id() as i32, libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    let since = Instant::now();
    signal(load.id() as i32, libc::SIGTERM);
    end(load).exits(143);
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    site.proxy.release();
    eventually("the next load", || site.evo.run(&LOAD).code == 0);
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

#[test]
fn fault_28_behind_pgbouncer_in_transaction_mode_a_load_and_a_transform_are_the_same() {
    let server = Server::start(&[("fsync", "off")]);
    let evo = Evo::with(Database::on(&server));
    generate(&evo);
    let bouncer = PgBouncer::in_front_of(&server, 4);
    let through = bouncer.url("postgres");
    // Twice at once and once more: server connections are handed from one process to the next.
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
