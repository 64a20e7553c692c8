//! Parse, bootstrap, dispatch, exit code.

use std::process::ExitCode;

use evo::cli::{self, Cli, Parsed};
use evo::config::{self, LogFormat, Settings};
use evo::error::{Error, Kind, Result};
use evo::report::{Printer, table};
use evo::telemetry;

fn main() -> ExitCode {
    let cli = match Cli::read(config::command_line()) {
        Ok(Parsed::Run(cli)) => cli,
        Ok(Parsed::Shown(code)) => return ExitCode::from(code),
        Err(error) => return end(&Printer::before_settings(config::wants_json_log()), &error),
    };
    let command = cli.command.name();
    let settings = match Settings::load(&cli.global) {
        Ok(settings) => settings,
        Err(error) => return end(&Printer::before_settings(config::wants_json_log()), &error),
    };
    telemetry::init(settings.log_level, settings.log_format == LogFormat::Json, settings.color);
    if let Some(columns) = settings.columns {
        table::fit_into(columns);
    }
    let printer = Printer::new(&settings, command);
    match run(*cli, &settings) {
        Ok(outcome) => {
            let printed = printer.summary(&outcome);
            match outcome.failure.map_or(printed, Err) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => end(&printer, &error),
            }
        }
        Err(error) => end(&printer, &error),
    }
}

fn run(cli: Cli, settings: &Settings) -> Result<evo::report::Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(Kind::Internal, "cannot start the async runtime").caused_by(e))?;
    runtime.block_on(cli::dispatch(cli.command, settings))
}

fn end(printer: &Printer, error: &Error) -> ExitCode {
    printer.error(error);
    ExitCode::from(error.exit_code())
}
