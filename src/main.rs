//! Parse, bootstrap, dispatch, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use evo::cli::{self, Cli};
use evo::config::{LogFormat, Output, Settings};
use evo::error::{Error, Kind, Result};
use evo::report::Outcome;
use evo::telemetry;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = Settings::load(&cli.global).and_then(|settings| {
        telemetry::init(settings.log_level, settings.log_format == LogFormat::Json, settings.color);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::new(Kind::Internal, "cannot start the async runtime").caused_by(e))?;
        let outcome = runtime.block_on(cli::dispatch(cli.command, &settings))?;
        print(&outcome, settings.output)?;
        Ok(outcome.failure)
    });
    match result {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(error)) | Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}", error.render());
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Writes the summary to stdout. A reader that went away (`evo status | head`) is not an error.
fn print(outcome: &Outcome, output: Output) -> Result<()> {
    let text = match output {
        Output::Text => outcome.text.trim_end().to_owned(),
        Output::Json => serde_json::to_string_pretty(&outcome.json).unwrap_or_default(),
    };
    if text.is_empty() {
        return Ok(());
    }
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Internal, "cannot write to stdout").caused_by(e))
        }
        _ => Ok(()),
    }
}
