//! The private server's life: make, start once, stop, destroy.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::process::{Programs, free_port, postmaster};
use super::user::ServerUser;
use super::{Address, Spec, Status, binaries};
use crate::error::{Error, Kind, Result};

const SUPERUSER: &str = "evo";
const DATABASE: &str = "evo";
/// Written last when a cluster is made: one without it is half-made.
const READY: &str = "evo.ready";

/// The private server of one state directory.
#[derive(Debug)]
pub struct Cluster {
    spec: Spec,
    search_path: String,
}

impl Cluster {
    /// The server that `spec` means; touches nothing. `search_path` is the value of `PATH`.
    pub fn new(spec: Spec, search_path: &str) -> Self {
        Self { spec, search_path: search_path.to_owned() }
    }

    /// Makes and starts the server if need be, and returns how to reach it.
    ///
    /// # Errors
    /// `Config` when there are no programs, or the data is of another major version; `DatabaseUnavailable` when it
    /// does not start.
    pub fn ensure(&self) -> Result<Address> {
        let _lock = self.lock()?;
        let data = self.data_dir()?;
        if let (Some(running), true) = (postmaster(&data), data.join(READY).exists())
            && running.ready
        {
            return self.address(&data, running.port);
        }
        let programs = self.programs()?;
        if !data.join(READY).exists() {
            self.make(&programs, &data)?;
        }
        check_version(&programs, &data)?;
        self.write_settings(&programs, &data)?;
        let running = programs.start(&data, free_port()?)?;
        self.address(&data, running.port)
    }

    /// What is there now; starts nothing.
    ///
    /// # Errors
    /// `Config` when the state directory cannot be read.
    pub fn status(&self) -> Result<Status> {
        let data = self.data_dir()?;
        if !data.join(READY).exists() {
            return Ok(Status::Absent);
        }
        Ok(match postmaster(&data) {
            Some(found) => Status::Running { pid: found.pid, address: self.address(&data, found.port)? },
            None => Status::Stopped,
        })
    }

    /// Stops the server in good order. Returns whether it ran.
    ///
    /// # Errors
    /// `Config` when `pg_ctl` fails.
    pub fn stop(&self) -> Result<bool> {
        let _lock = self.lock()?;
        let data = self.data_dir()?;
        if postmaster(&data).is_none() {
            return Ok(false);
        }
        let programs = self.programs()?;
        let mut command = programs.command("pg_ctl");
        command.args(["stop", "-m", "fast", "-w", "-t", "60", "-D"]).arg(&data);
        programs.run(command, "stop the private PostgreSQL")?;
        Ok(true)
    }

    /// Stops the server and removes its data. Returns whether there was any.
    ///
    /// # Errors
    /// `Config` when it cannot be stopped or removed.
    pub fn destroy(&self) -> Result<bool> {
        self.stop()?;
        let data = self.data_dir()?;
        if !data.join(READY).exists() && !data.join("PG_VERSION").exists() {
            return Ok(false);
        }
        std::fs::remove_dir_all(&data).map_err(|e| cannot("remove", &data, e))?;
        let _ = std::fs::remove_file(self.location_file());
        Ok(true)
    }

    /// Where the data lies.
    ///
    /// # Errors
    /// `Config` when the state directory cannot be made.
    pub fn data_dir(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.spec.state_dir).map_err(|e| cannot("create", &self.spec.state_dir, e))?;
        let state_dir =
            std::fs::canonicalize(&self.spec.state_dir).map_err(|e| cannot("read", &self.spec.state_dir, e))?;
        if let Ok(elsewhere) = std::fs::read_to_string(self.location_file()) {
            return Ok(PathBuf::from(elsewhere.trim()));
        }
        let beside = state_dir.join("postgres");
        match ServerUser::choose()? {
            Some(user) if !user.can_reach(&state_dir) => {
                let name = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(state_dir.as_os_str().as_encoded_bytes()));
                let elsewhere = PathBuf::from("/var/lib/evo").join(name);
                std::fs::create_dir_all(&elsewhere).map_err(|e| cannot("create", &elsewhere, e))?;
                std::fs::write(self.location_file(), elsewhere.display().to_string())
                    .map_err(|e| cannot("write", &self.location_file(), e))?;
                Ok(elsewhere)
            }
            _ => Ok(beside),
        }
    }

    fn location_file(&self) -> PathBuf {
        self.spec.state_dir.join("postgres.location")
    }

    fn programs(&self) -> Result<Programs> {
        Ok(Programs {
            bin: binaries::find(self.spec.bin_dir.as_deref(), &self.search_path)?,
            user: ServerUser::choose()?,
        })
    }

    /// Held while the server is made, started or stopped, so that concurrent commands do it once.
    fn lock(&self) -> Result<File> {
        std::fs::create_dir_all(&self.spec.state_dir).map_err(|e| cannot("create", &self.spec.state_dir, e))?;
        let path = self.spec.state_dir.join("postgres.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| cannot("open", &path, e))?;
        // SAFETY: the descriptor is open for the life of `file`; the lock ends with it.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } != 0 {
            return Err(cannot("lock", &path, std::io::Error::last_os_error()));
        }
        Ok(file)
    }

    fn make(&self, programs: &Programs, data: &Path) -> Result<()> {
        if data.exists() {
            std::fs::remove_dir_all(data).map_err(|e| cannot("remove the half-made", data, e))?;
        }
        std::fs::create_dir_all(data).map_err(|e| cannot("create", data, e))?;
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
            .map_err(|e| cannot("protect", data, e))?;
        let password = random_password()?;
        let password_file = self.spec.state_dir.join("postgres.password");
        write_private(&password_file, &password)?;
        // initdb reads it as the server's user; evo's copy stays with evo's user.
        let for_initdb = PathBuf::from("/tmp").join(format!("evo-{}.pw", uuid::Uuid::new_v4()));
        write_private(&for_initdb, &password)?;
        if let Some(user) = programs.user {
            user.own(data)?;
            user.own(&for_initdb)?;
        }
        let mut command = programs.command("initdb");
        command.args(["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--pwfile"]);
        command.arg(&for_initdb).arg("-D").arg(data);
        let made = programs.run(command, "make a private PostgreSQL");
        let _ = std::fs::remove_file(&for_initdb);
        made?;
        self.create_database(programs, data)?;
        let log = data.join("log");
        std::fs::create_dir_all(&log).map_err(|e| cannot("create", &log, e))?;
        if let Some(user) = programs.user {
            user.own(&log)?;
        }
        let conf = data.join("postgresql.conf");
        let include = "\ninclude 'evo.conf'\n";
        OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut file| file.write_all(include.as_bytes()))
            .map_err(|e| cannot("write", &conf, e))?;
        std::fs::write(data.join(READY), "").map_err(|e| cannot("write", data, e))
    }

    /// In single-user mode, so that no driver is needed down here.
    fn create_database(&self, programs: &Programs, data: &Path) -> Result<()> {
        let mut command = programs.command("postgres");
        command.args(["--single", "-j", "-D"]).arg(data).arg("template1");
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let failed = |e: std::io::Error| Error::new(Kind::Config, "cannot create the private database").caused_by(e);
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(format!("create database {DATABASE};\n\n").as_bytes()).map_err(failed)?;
        }
        match child.wait().map_err(failed)?.success() {
            true => Ok(()),
            false => Err(Error::new(Kind::Config, "cannot create the private database")),
        }
    }

    /// Settings for bulk loads on a person's machine; written at each start, so that a newer evo brings newer ones.
    fn write_settings(&self, programs: &Programs, data: &Path) -> Result<()> {
        let memory_mb = total_memory_mb();
        let mut lines = vec![
            "# written by evo at each start; put your own settings into postgresql.conf behind the include".to_owned(),
            "listen_addresses = '127.0.0.1'".to_owned(),
            "unix_socket_directories = ''".to_owned(),
            "max_connections = 100".to_owned(),
            format!(
                "shared_buffers = {}MB      # an eighth of the machine's memory, 1 GB at most",
                (memory_mb / 8).clamp(64, 1024)
            ),
            "maintenance_work_mem = 256MB   # index builds".to_owned(),
            "work_mem = 32MB".to_owned(),
            "max_wal_size = 4GB             # a load is no reason for a checkpoint".to_owned(),
            "checkpoint_timeout = 15min".to_owned(),
            "jit = off                      # the statements are many and short".to_owned(),
            "timezone = 'UTC'".to_owned(),
            "log_timezone = 'UTC'".to_owned(),
            "logging_collector = on".to_owned(),
            "log_directory = 'log'".to_owned(),
            "log_filename = 'postgresql-%a.log'".to_owned(),
            "log_truncate_on_rotation = on".to_owned(),
            "log_rotation_age = 1d".to_owned(),
        ];
        lines.extend(self.spec.extra_settings.iter().map(|(name, value)| format!("{name} = '{value}'")));
        let path = data.join("evo.conf");
        std::fs::write(&path, lines.join("\n") + "\n").map_err(|e| cannot("write", &path, e))?;
        match programs.user {
            Some(user) => user.own(&path),
            None => Ok(()),
        }
    }

    fn address(&self, _data: &Path, port: u16) -> Result<Address> {
        let path = self.spec.state_dir.join("postgres.password");
        let password = std::fs::read_to_string(&path).map_err(|e| cannot("read", &path, e))?;
        Ok(Address {
            port,
            user: SUPERUSER.to_owned(),
            password: password.trim().to_owned(),
            database: DATABASE.to_owned(),
        })
    }
}

fn check_version(programs: &Programs, data: &Path) -> Result<()> {
    let path = data.join("PG_VERSION");
    let text = std::fs::read_to_string(&path).map_err(|e| cannot("read", &path, e))?;
    let (made_by, have) = (text.trim(), binaries::major_version(&programs.bin)?);
    if made_by == have.to_string() {
        return Ok(());
    }
    Err(Error::new(
        Kind::Config,
        format!("the private database was made by PostgreSQL {made_by}, but the programs found are of version {have}"),
    )
    .detail(format!("data in {}, programs in {}", data.display(), programs.bin.display()))
    .hint(format!("point EVO_PG_BIN at the programs of version {made_by}, or start anew with `evo db destroy --yes`")))
}

fn random_password() -> Result<String> {
    let mut bytes = [0_u8; 18];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| Error::new(Kind::Config, "cannot read /dev/urandom").caused_by(e))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| cannot("write", path, e))
}

fn total_memory_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kb = text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.map_or(2048, |kb| kb / 1024)
}

fn cannot(what: &str, path: &Path, e: std::io::Error) -> Error {
    Error::new(Kind::Config, format!("cannot {what} {}: {e}", path.display())).caused_by(e)
}
