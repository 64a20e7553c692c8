//! The machine that this process runs on.

use std::path::PathBuf;

use super::environment::Environment;

/// The machine and the process, as `evo.runs` records them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The host's name; in a container usually that of the replica. `None` where the system does not report
    /// one.
    pub host_name: Option<String>,
    /// The execution of an Azure Container Apps job; `None` elsewhere.
    pub container_execution: Option<String>,
    /// The process's id on that host.
    pub process_id: u32,
}

impl Machine {
    pub(super) fn read(environment: &Environment) -> Self {
        // Azure sets it: https://learn.microsoft.com/azure/container-apps/environment-variables
        let container_execution = environment.get("CONTAINER_APP_JOB_EXECUTION_NAME").map(str::to_owned);
        Self { host_name: environment.host_name.clone(), container_execution, process_id: std::process::id() }
    }
}

/// The file of this program, for a job that runs others of its kind.
///
/// # Errors
/// The system's, where it does not say.
pub fn own_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// A new folder of this name where the system keeps what is not kept.
///
/// # Errors
/// The system's, when it cannot be made.
pub fn scratch_folder(name: &str) -> std::io::Result<PathBuf> {
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir(&path).map(|()| path)
}
