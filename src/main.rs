//! Parse, bootstrap, dispatch, exit code.

use std::process::ExitCode;

use evo::cli::{self, Cli, Parsed};
use evo::config;
use evo::error::{Error, Kind};
use evo::report::{Printer, table};
use evo::telemetry::Reporting;

fn main() -> ExitCode {
    share_heaps();
    let cli = match Cli::read(config::command_line()) {
        Ok(Parsed::Run(cli)) => cli,
        Ok(Parsed::Shown(code)) => return ExitCode::from(code),
        Err(error) => return end(&Printer::before_settings(config::wants_json_log()), &error),
    };
    let settings = match cli.load_settings() {
        Ok(settings) => settings,
        Err(error) => return end(&Printer::before_settings(config::wants_json_log()), &error),
    };
    if let Some(columns) = settings.columns {
        table::fit_into(columns);
    }
    let printer = Printer::new(&settings, cli.command.name());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return end(&printer, &Error::new(Kind::Internal, "cannot start the async runtime").caused_by(e)),
    };
    let reporting = Reporting::begin(&settings, cli.command.name(), cli.command.is_job());
    let (summary, failure) = match runtime.block_on(cli::dispatch(cli.command, &settings)) {
        Ok(outcome) => {
            let printed = printer.summary(&outcome);
            (Some(outcome.json), outcome.failure.or(printed.err()))
        }
        Err(error) => (None, Some(error)),
    };
    let code = failure.as_ref().map_or(ExitCode::SUCCESS, |error| end(&printer, error));
    reporting.end(&settings, &runtime, summary.as_ref(), failure.as_ref());
    code
}

/// Makes the threads share two heaps of the C library.
///
/// glibc opens up to eight per core, and each keeps what was freed in it. Buffers travel between threads
/// here, so that every heap grew to a maximum of its own, the later the more: first loads held a third
/// more in the end.
fn share_heaps() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers, and no other thread runs yet. If it refuses, the default stays.
    let _accepted = unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}

fn end(printer: &Printer, error: &Error) -> ExitCode {
    printer.error(error);
    ExitCode::from(error.exit_code())
}
