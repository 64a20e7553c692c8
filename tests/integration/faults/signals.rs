//! SIGTERM, SIGINT and SIGHUP.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{DONE, LOAD, Site, WORKERS, assert_whole, end};
use crate::support::proxy::{COPY_DATA, Fault};
use crate::support::server::{eventually, signal, url};

#[test]
fn fault_18_sigterm_ends_a_load_with_143_sigint_with_130_sighup_with_129_and_the_next_run_finishes() {
    for (number, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130), (libc::SIGHUP, 129)] {
        let site = Site::new();
        let load = site.begin_up_to_a_copy();
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
    let load = site.begin_up_to_a_copy();
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
    let load = site.begin_up_to_a_copy();
    signal(load.id() as i32, libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    let since = Instant::now();
    signal(load.id() as i32, libc::SIGTERM);
    end(load).exits(143);
    assert!(since.elapsed() < Duration::from_secs(8), "as if it had not been asked twice: {:?}", since.elapsed());
    site.proxy.release();
    eventually("the next load", || site.evo.run(&LOAD).code == 0);
    assert_whole(&site.evo);
}

#[test]
fn fault_18_a_load_under_nohup_outlives_its_terminal() {
    let site = Site::new();
    site.proxy.when(COPY_DATA, 3, Fault::Hold);
    let mut command = site.evo.command_at(&url(site.proxy.port, "postgres"), &LOAD);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: signal is async-signal-safe, and nothing is allocated between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let load = command.spawn().unwrap();
    site.proxy.wait();
    signal(load.id() as i32, libc::SIGHUP);
    std::thread::sleep(Duration::from_millis(300));
    site.proxy.release();
    end(load).exits(0);
    assert_whole(&site.evo);
}
