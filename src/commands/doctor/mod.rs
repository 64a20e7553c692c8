//! `evo doctor`: what is misconfigured, why it matters, and the line that fixes it.

mod api;
mod show;

use super::addresses::addresses;
use super::{config, database, which_lake};
use crate::bronze::Lake;
use crate::config::{Database, Origin, Settings};
use crate::counted::counted;
use crate::doctor::{self, DoctorFinding, Examination, Gravity, Subject};
use crate::entity::{Catalog, Entity};
use crate::error::{Error, Kind, Mistakes, Result};
use crate::ledger::migrations::{self, Migration};
use crate::pg::Pool;
use crate::report::Outcome;

/// Says what is misconfigured, why it matters, and the line that fixes it. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo doctor                            settings, database, lake and API
  evo doctor --output json
  evo doctor --fix-sql > fix.sql        the SQL that fixes it; read it, then:
  evo db psql -f fix.sql

A finding is one of these:
  breaks   a job fails because of it
  advice   jobs work, but slower or less safely than they could
  note     worth knowing; there may be nothing to do

Run it as the jobs run: the same role, machine and settings. It sends one
request to each API whose secrets are set, and lists one page of the lake for
each entity.

Exit code 6 if something breaks jobs, else 0.")]
pub struct Args {
    /// Print the SQL that fixes the findings and nothing else; what is no SQL, or
    /// gives something up, is a comment
    #[arg(long)]
    pub fix_sql: bool,
}

/// Runs the command.
///
/// # Errors
/// None: what cannot be reached or read is a finding.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    let mut done = examine(settings).await;
    // Stable: within a gravity in the order of the examination.
    done.findings.sort_by_key(|finding| finding.gravity);
    let breaks = done.findings.iter().filter(|finding| finding.gravity == Gravity::Breaks).count();
    let failure = (breaks > 0).then(|| {
        let message = counted(breaks as u64, "finding breaks jobs", "findings break jobs");
        Error::new(Kind::CheckFailed, message).hint("each has its fix; then run `evo doctor` again")
    });
    let (shown, origin) = addresses(settings);
    let json = show::json(&done, origin);
    let text = if args.fix_sql { show::script(&done) } else { show::text(&done, &shown) };
    Ok(Outcome::new(text, json).failed_with(failure))
}

/// Adds the mistakes in settings and declarations.
fn add_mistakes(done: &mut Examination, mistakes: &[String]) {
    for mistake in mistakes {
        let (what, hint) = mistake.split_once('\n').unwrap_or((mistake, ""));
        let why = "every command ends with exit code 2 or 3";
        let finding = DoctorFinding::new(Gravity::Breaks, "settings.mistake", what, why);
        let hints = hint.lines().map(str::trim).filter(|line| !line.is_empty());
        done.findings.push(hints.fold(finding, |finding, line| finding.words(line)));
    }
    done.checked.insert(0, "settings and declarations");
}

/// Whether a setting has a value of its own. Where settings are wrong, one without may have the default only
/// because what names it cannot be read.
fn is_given(settings: &Settings, name: &str) -> bool {
    settings.shown.iter().any(|setting| setting.key.name == name && setting.origin != Origin::Default)
}

async fn examine(settings: &Settings) -> Examination {
    let mistakes = config::mistakes_of(settings);
    let is_certain = |name: &str| settings.mistakes.is_empty() || is_given(settings, name);
    let extend = settings.extend.as_deref();
    let catalog = Catalog::load_with_mistakes(extend, &mut Mistakes::default());
    let entities = catalog.all();
    let mut done = match (is_certain("database_url"), migrations::all(extend)) {
        (true, Ok(migrations)) => examine_database(settings, entities, &migrations).await,
        _ => {
            let mut done = Examination::default();
            done.not_checked.push(("database", "correct the settings first: they decide which one it is".to_owned()));
            done
        }
    };
    match is_certain("lake") {
        true => done.add("lake", Ok(doctor::examine_lake(&settings.lake, &settings.azure, entities).await)),
        false => done.not_checked.push(("lake", "correct the settings first: they decide which one it is".to_owned())),
    }
    done.add("API", Ok(api::examine(&settings.sources, entities).await));
    add_mistakes(&mut done, &mistakes);
    done
}

async fn examine_database(settings: &Settings, entities: &[Entity], migrations: &[Migration]) -> Examination {
    let is_private = matches!(settings.database, Database::Embedded);
    match database::as_it_is(settings) {
        Ok(dsn) => {
            // One more for the examination itself, while the connections that are left are counted.
            let pool = Pool::new(dsn.clone(), "evo:doctor", settings.workers + 3);
            let subject =
                Subject { pool: &pool, dsn: &dsn, is_private, entities, migrations, workers: settings.workers };
            let mut done = doctor::examine(&subject).await;
            if done.checked.contains(&"tables") {
                done.add("lake and ledger", same_lake(settings, &pool, entities).await);
            }
            done
        }
        Err(error) => not_running(&error),
    }
}

/// The private server does not exist yet, or does not run.
fn not_running(error: &Error) -> Examination {
    let mut done = Examination::default();
    let why = "the next job that writes creates or starts it";
    let finding = DoctorFinding::new(Gravity::Note, "connection.private", error.message(), why);
    done.findings.push(finding.shell("evo db start"));
    done.not_checked.push(("database", error.message().to_owned()));
    done
}

/// Whether the ledger knows the lake of these settings.
async fn same_lake(settings: &Settings, pool: &Pool, entities: &[Entity]) -> Result<Vec<DoctorFinding>> {
    // A lake that cannot be opened is a finding of its own.
    let Ok(lake) = Lake::open(&settings.lake, &settings.azure) else { return Ok(Vec::new()) };
    let entities: Vec<&Entity> = entities.iter().collect();
    match which_lake::find(pool, &lake, &entities, true).await {
        Ok(_) => Ok(Vec::new()),
        Err(error) if error.kind() == Kind::Config => {
            let why = "a load refuses to mix the objects of two lakes";
            let finding = DoctorFinding::new(Gravity::Breaks, "lake.other", error.message(), why);
            Ok(vec![error.hint_text().into_iter().fold(finding, DoctorFinding::words)])
        }
        // The prefix of an entity is not there, which the lake's own group reports.
        Err(error) if error.kind() == Kind::SourceInvalid => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
