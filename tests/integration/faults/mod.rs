//! What a load must survive: the rows of docs/faults.md, against real servers, proxies and signals.
//!
//! The invariant of every row: no row lost, none twice, the ledger says what the data is, an honest exit
//! code, and the next run finishes the work.

mod claims;
mod commit;
mod fence;
mod network;
mod replies;
mod server;
mod signals;

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::proxy::{COMMIT, COPY_DATA, Fault, Proxy};
use crate::support::server::{Server, eventually, signal, url};
use crate::support::{Database, Evo, Run};

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

    /// Begins to load, until the third batch is in its COPY: there it waits for `proxy.release`.
    fn begin_up_to_a_copy(&self) -> Child {
        self.proxy.when(COPY_DATA, 3, Fault::Hold);
        let load = self.begin();
        self.proxy.wait();
        load
    }

    /// Begins to load, until some batch commits: that one's connection is struck.
    fn begin_up_to_a_commit(&self, fault: Fault) -> Child {
        let load = self.begin_up_to_a_copy();
        // In this order: what strikes before the release would be released as well.
        self.proxy.release();
        self.proxy.when(COMMIT, 1, fault);
        self.proxy.wait();
        load
    }

    /// A query for the pid of the session whose connection was struck last, while there is one.
    fn struck_session(&self) -> String {
        format!("select pid from pg_stat_activity where client_port = {}", self.proxy.struck_port())
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

/// Asserts the invariant: what is staged is what an undisturbed load stages, and the ledger accounts for each
/// line once.
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
