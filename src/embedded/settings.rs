//! The server's settings: for bulk loads on a personal machine.

use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;

use super::failure::cannot;
use super::open_dir::OpenDir;
use super::process::Programs;
use crate::error::{Error, Kind, Result};

/// In the data directory, included by `postgresql.conf`.
pub(super) const FILE: &str = "evo.conf";

/// Compression with lz4 costs next to nothing and halves WAL and TOAST. Only some builds of PostgreSQL have
/// it.
const WHERE_SUPPORTED: [(&str, &str, &str); 2] = [
    ("wal_compression", "lz4", "less WAL for nearly no CPU"),
    ("default_toast_compression", "lz4", "the same for documents"),
];

/// Writes the settings. Done before each start: a newer evo brings newer ones, the machine's memory changes,
/// and the port may be taken.
///
/// # Errors
/// `Config` when the file cannot be written.
pub(super) fn write(programs: &Programs, data: &Path, port: u16, extra: &[(String, String)]) -> Result<()> {
    let path = data.join(FILE);
    let dir = OpenDir::open(data).map_err(|e| cannot("open", data, e))?;
    let save = |text: &str| dir.replace(FILE, text, programs.user).map_err(|e| cannot("write", &path, e));
    let mut text = basic(port, memory_mb());
    // Without the optional ones first: a value from another build would make this one refuse the whole file.
    save(&text)?;
    for (name, value, why) in WHERE_SUPPORTED {
        if programs.supports(data, name, value) {
            line(&mut text, name, value, why);
        }
    }
    for (name, value) in extra {
        line(&mut text, name, value, "asked for by the caller");
    }
    save(&text)
}

/// The port of the last start if it is still free, otherwise any free one.
///
/// # Errors
/// `Config` when there is no free port.
pub(super) fn choose_port(data: &Path) -> Result<u16> {
    let last = OpenDir::open(data).and_then(|dir| dir.read_text(FILE)).ok().and_then(|text| port_in(&text));
    if let Some(port) = last.filter(|port| is_free(*port)) {
        return Ok(port);
    }
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::new(Kind::Config, "no free port on 127.0.0.1").caused_by(e))
}

/// Whether no process listens on this port of 127.0.0.1.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn port_in(text: &str) -> Option<u16> {
    let line = text.lines().find_map(|line| line.strip_prefix("port = '"))?;
    line.split('\'').next()?.parse().ok()
}

fn basic(port: u16, memory_mb: u64) -> String {
    let mb = |mb: u64| format!("{mb}MB");
    let small_shared_memory = shared_memory_mb().is_some_and(|mb| mb < 1024);
    let mut text = "# Written by evo at each start. Settings of your own: at the end of postgresql.conf.\n".to_owned();
    for (name, value, why) in [
        ("listen_addresses", "127.0.0.1", "this machine only"),
        ("port", &port.to_string(), "kept from start to start while it is free"),
        ("unix_socket_directories", "", "a socket's path is limited to 107 bytes"),
        ("max_connections", "100", ""),
        ("shared_buffers", &mb((memory_mb / 8).clamp(64, 1024)), "an eighth of the memory, 1 GB at most"),
        ("effective_cache_size", &mb((memory_mb / 2).max(256)), "half of the memory: what the system caches"),
        ("work_mem", "32MB", "sorts and hashes of the batches"),
        ("maintenance_work_mem", &mb((memory_mb / 16).clamp(64, 512)), "index builds"),
        ("max_wal_size", "4GB", "a load alone should not force a checkpoint"),
        ("checkpoint_timeout", "15min", "nor should the time that it takes"),
        ("wal_level", "minimal", "no replicas here: tables created and filled in one transaction need no WAL"),
        ("max_wal_senders", "0", "required by wal_level = minimal"),
        ("synchronous_commit", "on", "committed data survives a crash, here too"),
        ("random_page_cost", "1.1", "solid-state disks"),
        ("jit", "off", "compiling costs more than it saves in short statements"),
        ("track_io_timing", "on", "for explain (analyze, buffers)"),
        ("timezone", "UTC", "nothing depends on it, but dumps and logs look the same everywhere"),
        ("log_timezone", "UTC", ""),
        ("logging_collector", "on", "logs go to files"),
        ("log_directory", "log", "in the data directory"),
        ("log_filename", "postgresql-%a.log", "a week of them"),
        ("log_truncate_on_rotation", "on", "then the oldest is overwritten"),
        ("log_rotation_age", "1d", ""),
        ("log_rotation_size", "0", "only by day, or the names would repeat"),
        ("log_line_prefix", "%m [%p] %a ", "when, who: time, process, application"),
    ] {
        line(&mut text, name, value, why);
    }
    if small_shared_memory {
        line(
            &mut text,
            "dynamic_shared_memory_type",
            "sysv",
            "/dev/shm is too small for parallel queries, as in containers",
        );
    }
    text
}

fn line(text: &mut String, name: &str, value: &str, why: &str) {
    let setting = format!("{name} = '{}'", value.replace('\'', "''"));
    let _ = match why {
        "" => writeln!(text, "{setting}"),
        _ => writeln!(text, "{setting:<44} # {why}"),
    };
}

/// Memory of this machine, or of the container if that has less; 2 GB where neither is known.
fn memory_mb() -> u64 {
    // SAFETY: sysconf has no preconditions, and returns -1 for what it does not know. `nix::unistd::sysconf`
    // has the number of pages on Linux only.
    let (pages, page) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let machine = u64::try_from(pages).ok().zip(u64::try_from(page).ok()).map(|(pages, page)| pages * page);
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(limit).min().map_or(2048, |bytes| bytes / (1024 * 1024))
}

/// Size of the file system through which the processes of a parallel query share memory.
fn shared_memory_mb() -> Option<u64> {
    let found = nix::sys::statvfs::statvfs("/dev/shm").ok()?;
    Some((found.fragment_size() as u64).saturating_mul(found.blocks() as u64) / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_written_is_the_port_read_back() {
        assert_eq!(port_in(&basic(54321, 8192)), Some(54321));
        assert_eq!(port_in("# nothing"), None);
    }

    #[test]
    fn a_port_is_kept_while_it_is_free() {
        let data = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::fs::write(data.path().join(FILE), basic(port, 1024)).unwrap();
        assert_ne!(choose_port(data.path()).unwrap(), port);
        drop(listener);
        assert_eq!(choose_port(data.path()).unwrap(), port);
    }

    #[test]
    fn memory_settings_follow_the_machine_within_bounds() {
        assert!(basic(1, 1024).contains("shared_buffers = '128MB'"));
        assert!(basic(1, 65_536).contains("shared_buffers = '1024MB'"));
        assert!(basic(1, 100).contains("shared_buffers = '64MB'"));
    }

    #[test]
    fn a_quote_in_a_value_stays_a_value() {
        let mut text = String::new();
        line(&mut text, "name", "it's", "");
        assert_eq!(text, "name = 'it''s'\n");
    }
}
