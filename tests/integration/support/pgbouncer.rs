//! A real PgBouncer in transaction mode in front of a server.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::server::{Server, eventually, folder, free_port, unprivileged, url};

/// A running PgBouncer.
pub struct PgBouncer {
    _dir: tempfile::TempDir,
    child: Child,
    pub port: u16,
}

impl PgBouncer {
    /// In front of a server, with so few server connections that clients take turns on them.
    pub fn in_front_of(server: &Server, pool_size: u32) -> Self {
        let (dir, port) = (folder(), free_port());
        let config = dir.path().join("pgbouncer.ini");
        std::fs::write(dir.path().join("users"), "\"evo\" \"\"\n\"victim\" \"\"\n").unwrap();
        std::fs::write(
            &config,
            format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = {pool_size}\n\
                 max_client_conn = 200\nserver_reset_query =\nlogfile = {}\n",
                server.port,
                dir.path().join("users").display(),
                dir.path().join("log").display()
            ),
        )
        .unwrap();
        let mut command = Command::new(program());
        command.arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        unprivileged(&mut command);
        let child = command.spawn().unwrap();
        eventually("PgBouncer listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { _dir: dir, child, port }
    }

    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap());
    evo::embedded::find_program("pgbouncer", &path, None)
        .expect("PgBouncer is missing: scripts/setup --tests installs it")
}
