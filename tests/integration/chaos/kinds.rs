//! The faults. Each one strikes, ends, and returns whether it hit anything.

use std::time::{Duration, Instant};

use super::World;
use super::crew::LEASE;
use super::lake::misdeeds;
use crate::support::is_root;
use crate::support::proxy::{COMMIT, COPY_DATA, Fault};
use crate::support::server::{fill, signal};

/// Strikes and is lifted; whether it hit anything.
type Inject = fn(&mut World) -> bool;

#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub name: &'static str,
    pub inject: Inject,
}

/// How often each comes in a round.
pub(super) fn all() -> Vec<Kind> {
    let kinds: [(&'static str, usize, Inject); 22] = [
        ("evo: SIGKILL", 2, kill_evo),
        ("evo: SIGTERM", 2, terminate_evo),
        ("evo: stalled beyond its lease", 1, stall_evo),
        ("evo: another replica joins", 2, join),
        ("session: pg_terminate_backend", 2, terminate_backend),
        ("session: pg_cancel_backend", 2, cancel_backend),
        ("session: SIGKILL of the backend", 1, kill_backend),
        ("session: backend stands still", 1, pause_backend),
        ("server: SIGKILL of the postmaster", 1, kill_postmaster),
        ("server: stop fast", 1, stop_fast),
        ("server: stop immediate", 1, stop_immediate),
        ("server: failover", 1, fail_over),
        ("server: disk full", usize::from(is_root()), fill_disk),
        ("network: connections reset", 2, cut),
        ("network: nothing is forwarded", 1, stall_network),
        ("network: reply to COMMIT swallowed", 2, swallow),
        ("network: connection vanishes in COPY", 1, vanish),
        ("network: reset in COPY", 1, reset),
        ("SQL: table locked by somebody", 2, lock_table),
        ("SQL: deadlock with somebody", 1, deadlock),
        ("lake: object replaced", 2, replace),
        ("lake: refusals, cut and short bodies", 2, misbehave),
    ];
    kinds.iter().flat_map(|(name, times, inject)| vec![Kind { name, inject: *inject }; *times]).collect()
}

fn kill_evo(world: &mut World) -> bool {
    world.crew.signal(&mut world.dice, libc::SIGKILL, None)
}

fn terminate_evo(world: &mut World) -> bool {
    world.crew.signal(&mut world.dice, libc::SIGTERM, None)
}

fn stall_evo(world: &mut World) -> bool {
    world.crew.signal(&mut world.dice, libc::SIGSTOP, Some((LEASE * 3 / 2, libc::SIGCONT)))
}

fn join(world: &mut World) -> bool {
    world.crew.join()
}

/// A session of evo's, one that works if there is one.
const SESSION: &str = "from pg_stat_activity where application_name like 'evo:%' and backend_type = 'client backend' \
                       order by state = 'active' desc, random() limit 1";

fn terminate_backend(world: &mut World) -> bool {
    world.sql(&format!("select pg_terminate_backend(pid) {SESSION}")).concat() == ["t"]
}

fn cancel_backend(world: &mut World) -> bool {
    world.sql(&format!("select pg_cancel_backend(pid) from (select pid {SESSION}) s")).concat() == ["t"]
}

fn session(world: &World) -> Option<i32> {
    world.sql(&format!("select pid {SESSION}")).concat().first()?.parse().ok()
}

fn kill_backend(world: &mut World) -> bool {
    let Some(pid) = session(world) else { return false };
    signal(pid, libc::SIGKILL);
    std::thread::sleep(Duration::from_millis(300));
    world.server.revive();
    true
}

fn pause_backend(world: &mut World) -> bool {
    let Some(pid) = session(world) else { return false };
    signal(pid, libc::SIGSTOP);
    std::thread::sleep(world.dice.millis(500, 3000));
    signal(pid, libc::SIGCONT);
    true
}

fn kill_postmaster(world: &mut World) -> bool {
    let Some(pid) = world.server.pid() else { return false };
    signal(pid, libc::SIGKILL);
    outage(world);
    world.server.revive();
    true
}

fn stop_fast(world: &mut World) -> bool {
    world.server.stop("fast");
    outage(world);
    world.server.revive();
    true
}

fn stop_immediate(world: &mut World) -> bool {
    world.server.stop("immediate");
    outage(world);
    world.server.revive();
    true
}

fn outage(world: &mut World) {
    std::thread::sleep(world.dice.millis(100, 2500));
}

/// The primary is gone for good; the standby, whom every commit waited for, takes over.
fn fail_over(world: &mut World) -> bool {
    let standby = match world.standby.take() {
        Some(standby) => standby,
        None => world.server.standby(),
    };
    std::thread::sleep(world.dice.millis(500, 3000));
    world.server.stop("immediate");
    world.proxy.cut();
    outage(world);
    standby.promote();
    world.proxy.retarget(standby.port);
    world.watch.follow(standby.url("postgres"));
    world.server = standby;
    true
}

/// Takes all that is left of the server's disk, again and again, until the server has noticed.
fn fill_disk(world: &mut World) -> bool {
    let home = world.server.home().to_owned();
    let refused = |world: &World| world.server.log().matches("No space left on device").count();
    let before = refused(world);
    let since = Instant::now();
    let mut fillers = Vec::new();
    while refused(world) == before && since.elapsed() < Duration::from_secs(5) {
        fillers.push(fill(&home));
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(world.dice.millis(100, 1500));
    let has_struck = refused(world) > before;
    fillers.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // A server that could not write its log of changes goes down by itself.
    world.server.revive();
    has_struck
}

fn cut(world: &mut World) -> bool {
    world.proxy.cut() > 0
}

fn stall_network(world: &mut World) -> bool {
    let is_used = world.crew.count() > 0;
    world.proxy.stall(true);
    std::thread::sleep(world.dice.millis(500, 5000));
    world.proxy.stall(false);
    is_used
}

/// Waits for a rule of the proxy to strike.
fn strike(world: &mut World, place: &'static [u8], fault: Fault) -> bool {
    let nth = 1 + world.dice.roll(3) as u32;
    world.proxy.when(place, nth, fault);
    let since = Instant::now();
    while !world.proxy.has_struck() && since.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    if fault == Fault::Reset {
        world.proxy.release();
    }
    let has_struck = world.proxy.has_struck();
    world.proxy.forget();
    has_struck
}

fn swallow(world: &mut World) -> bool {
    strike(world, COMMIT, Fault::Swallow)
}

fn vanish(world: &mut World) -> bool {
    strike(world, COPY_DATA, Fault::Vanish)
}

fn reset(world: &mut World) -> bool {
    strike(world, COPY_DATA, Fault::Reset)
}

/// Who waits for a lock of the session that asks.
const WAITERS: &str =
    "select count(*) from pg_locks w where not w.granted and pg_backend_pid() = any (pg_blocking_pids(w.pid))";

fn lock_table(world: &mut World) -> bool {
    let tables = ["stg_evo.sales_raw", "stg_evo.entries_raw", "core.evo_sales", "evo.batches", "evo.objects"];
    let table = world.dice.pick(&tables);
    let mode = world.dice.pick(&["share", "access exclusive"]);
    let pause = world.dice.millis(500, 3000);
    foreign(world, async |client| {
        client.batch_execute(&format!("begin; lock table {table} in {mode} mode")).await?;
        tokio::time::sleep(pause).await;
        let waiters: i64 = client.query_one(WAITERS, &[]).await?.get(0);
        client.batch_execute("commit").await?;
        Ok(waiters > 0)
    })
}

/// Locks rows from the last key down, evo from the first one up.
fn deadlock(world: &mut World) -> bool {
    let (table, key) = world.dice.pick(&[("sales", "sale_id"), ("members", "member_id"), ("prospects", "prospect_id")]);
    let log = |world: &World| world.server.log().matches("deadlock detected").count();
    let before = log(world);
    let lock = |from: usize, to: usize| {
        format!(
            "select 1 from (select {key}, ntile(10) over (order by {key}) as part from stg_evo.{table}_raw) p \
             join stg_evo.{table}_raw r using ({key}) where part between {from} and {to} for update of r"
        )
    };
    foreign(world, async |client| {
        client.batch_execute("set deadlock_timeout = '20s'; set statement_timeout = '10s'; begin").await?;
        client.batch_execute(&lock(6, 10)).await?;
        let since = Instant::now();
        while client.query_one(WAITERS, &[]).await?.get::<_, i64>(0) == 0 && since.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.batch_execute(&lock(1, 5)).await?;
        client.batch_execute("commit").await?;
        Ok(true)
    });
    log(world) > before
}

/// Does something as somebody else; that one's errors are not evo's.
fn foreign(
    world: &World,
    work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<bool, tokio_postgres::Error>,
) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&world.server.url("postgres"), tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        work(&client).await
    });
    done.unwrap_or(false)
}

/// Replaces an object that waits, is being loaded, or was loaded long ago.
fn replace(world: &mut World) -> bool {
    let waiting = world
        .sql("select path from evo.objects where entity = 'sales' and state = 'pending' order by random() limit 1");
    let path = waiting.concat().first().cloned().or_else(|| {
        let paths: Vec<String> = world.lake.server.paths();
        let sales: Vec<&String> = paths.iter().filter(|p| p.contains("entity=sales") && p.ends_with(".gz")).collect();
        Some(world.dice.pick(&sales).clone())
    });
    path.inspect(|path| world.lake.replace(path)).is_some()
}

fn misbehave(world: &mut World) -> bool {
    let misdeeds = misdeeds();
    let act = misdeeds[world.dice.index(misdeeds.len())].clone();
    let share = 1 + world.dice.roll(3);
    world.lake.misbehave(share, act);
    std::thread::sleep(world.dice.millis(500, 3000));
    world.lake.behave() > 0
}
