//! `evo generate`: realistic bronze objects in a local lake, or behind an imitation of the API.

mod serve;
mod show;

use chrono::NaiveDate;
use clap::ValueEnum;
use evo_generator::{Entity, Plan, Portion, Records, write_lake_with};
use serde_json::json;

use crate::bronze;
use crate::config::{self, LakeAddress, Settings, Share};
use crate::error::{Error, Kind, Result};
use crate::meter::Unit;
use crate::report::{Outcome, progress};

const EXAMPLES: &str = "\
Examples:
  evo generate                                   a small lake of all entities
  evo generate sales --records 200000            200,000 sales, all in one run
  evo generate --records members=500,sales=2000  a count for each entity
  evo generate --runs 3 --changed 2% --new 1%    and two re-extractions later
  evo generate --runs 3 --only-changed           the later runs incremental
  evo generate --duplicates 1% --broken 0.1%     what real extracts are like
  evo generate --serve 127.0.0.1:8080            the vendor's API, imitated

The same flags give the same lines on every machine. Repeating the command
leaves existing objects alone; if there is something else in their place,
nothing is written without --force.

In a run, lines = records + duplicates + broken: an older version or a mangled
copy precedes its record, which is always complete.";

/// Writes realistic bronze objects to the lake: any number of members, sales, entries and prospects.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to write
    #[arg(value_name = "ENTITY", default_value = "all")]
    entities: Vec<Target>,

    /// Records in the first run: N for each entity, or ENTITY=N,… [default: members=5000,
    /// sales=20000, entries=50000, prospects=1500]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = parse_records, help_heading = "How much")]
    records: Vec<(Option<Entity>, u64)>,
    /// Multiply the default numbers of records
    #[arg(long, value_name = "F", value_parser = parse_scale, conflicts_with = "records", help_heading = "How much")]
    scale: Option<f64>,
    /// Records in a full object [default: members 2000, sales 5000, entries 10000, prospects 5000]
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>(1, 10_000_000), help_heading = "How much")]
    part_records: Option<u64>,
    /// Pad each document to this many bytes (otherwise a sale has 2500, a member 4000, an entry 400, a
    /// prospect 700)
    #[arg(long, value_name = "N", value_parser = config::whole::<u32>(1, 50_000_000), help_heading = "How much")]
    document_bytes: Option<u32>,
    /// Compression of the objects, 1 (fast) to 9 (small)
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = config::whole::<u32>(1, 9),
        help_heading = "How much")]
    gzip_level: u32,

    /// Runs of each entity, one day apart; each contains everything
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = config::whole::<u64>(1, 1000),
        help_heading = "Runs")]
    runs: u64,
    /// Share of the records that change from one run to the next
    #[arg(long, value_name = "SHARE", value_parser = config::share, default_value = "2%",
        help_heading = "Runs")]
    changed: Share,
    /// Records that each later run adds, as a share of the first run
    #[arg(long, value_name = "SHARE", value_parser = config::share, default_value = "1%",
        help_heading = "Runs")]
    new: Share,
    /// Later runs contain only changed and new records, as in an incremental extraction
    #[arg(long, help_heading = "Runs")]
    only_changed: bool,
    /// Day of the first run
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, default_value = "2026-01-10",
        help_heading = "Runs")]
    first_run: NaiveDate,
    /// Runs cross midnight: one run_id under two ingestion dates
    #[arg(long, help_heading = "Runs")]
    split_midnight: bool,
    /// Leave out the _manifest.json that ends a run of members, sales or entries
    #[arg(long, help_heading = "Runs")]
    no_manifest: bool,

    /// First day of the data
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, default_value = "2023-01-01",
        help_heading = "What is in it")]
    start_date: NaiveDate,
    /// Last day of the data of the first run
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = config::day, default_value = "2025-12-31",
        help_heading = "What is in it")]
    end_date: NaiveDate,
    /// Another seed gives other people and other sales
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = config::whole::<u64>(0, u64::MAX),
        help_heading = "What is in it")]
    seed: u64,
    /// Share of the records that appear twice in a run, an older version first
    #[arg(long, value_name = "SHARE", value_parser = config::share, default_value = "0%",
        help_heading = "What is in it")]
    duplicates: Share,
    /// Lines that cannot be staged, as a share of the records: not JSON, cut off, \u0000, a lone surrogate,
    /// invalid UTF-8, no key, text as key, 1e400000
    #[arg(long, value_name = "SHARE", value_parser = config::share, default_value = "0%",
        help_heading = "What is in it")]
    broken: Share,
    /// Share of the records with a value that does not fit its column: "" or 0001-01-01 as a date, 1.5 as an
    /// id, text as a number
    #[arg(long, value_name = "SHARE", value_parser = config::share, default_value = "0%",
        help_heading = "What is in it")]
    misfits: Share,

    /// Overwrite existing objects that have other content
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    serve: serve::ServeArgs,
}

/// An entity on the command line, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    All,
    Members,
    Sales,
    Entries,
    Prospects,
}

impl Target {
    fn entities(self) -> &'static [Entity] {
        match self {
            Target::All => &Entity::ALL,
            Target::Members => &[Entity::Members],
            Target::Sales => &[Entity::Sales],
            Target::Entries => &[Entity::Entries],
            Target::Prospects => &[Entity::Prospects],
        }
    }
}

fn parse_records(text: &str) -> std::result::Result<(Option<Entity>, u64), String> {
    let (entity, number) = match text.split_once('=') {
        Some((name, number)) => {
            let named = Entity::ALL.into_iter().find(|entity| entity.name() == name.trim());
            let known = "members, sales, entries and prospects";
            (Some(named.ok_or_else(|| format!("\"{name}\" is not an entity: there are {known}"))?), number)
        }
        None => (None, text),
    };
    let wrong = || format!("expected records from 1 to 1000000000, such as 5000 or sales=5000, found {number:?}");
    let records = number.trim().replace('_', "").parse().ok().filter(|n| (1..=1_000_000_000).contains(n));
    Ok((entity, records.ok_or_else(wrong)?))
}

fn parse_scale(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale > 0.0 && scale <= 20_000.0 => Ok(scale),
        _ => Err(format!("expected a factor over 0 and up to 20000, such as 0.1 or 10, found {text:?}")),
    }
}

impl Args {
    fn plan(&self) -> Plan {
        let written = |entity: &Entity| self.entities.iter().any(|target| target.entities().contains(entity));
        let entities: Vec<Entity> = Entity::ALL.into_iter().filter(written).collect();
        let mut records = Records::default();
        for entity in Entity::ALL {
            let scaled = records.of(entity) as f64 * self.scale.unwrap_or(1.0);
            records.set(entity, (scaled.round() as u64).max(1));
        }
        for (named, number) in &self.records {
            let meant = named.map_or(entities.clone(), |entity| vec![entity]);
            meant.into_iter().for_each(|entity| records.set(entity, *number));
        }
        Plan {
            entities,
            records,
            seed: self.seed,
            runs: self.runs,
            changed: portion(self.changed),
            new: portion(self.new),
            duplicates: portion(self.duplicates),
            broken: portion(self.broken),
            misfits: portion(self.misfits),
            part_records: self.part_records,
            start_date: self.start_date,
            end_date: self.end_date,
            first_run: self.first_run,
            split_midnight: self.split_midnight,
            only_changed: self.only_changed,
            document_bytes: self.document_bytes.map(|bytes| bytes as usize),
            gzip_level: self.gzip_level,
            manifest: !self.no_manifest,
            force: self.force,
        }
    }
}

fn portion(share: Share) -> Portion {
    Portion::of_fraction(share.fraction())
}

/// The generator's errors as those of a command.
fn refused(error: evo_generator::Error) -> Error {
    use evo_generator::Error as Reason;
    let (kind, detail, hint) = match &error {
        Reason::Plan { hint, .. } => (Kind::Usage, None, *hint),
        Reason::Occupied { detail, hint, .. } => (Kind::CheckFailed, detail.clone(), Some(*hint)),
        Reason::File { source, .. } => {
            let hint = bronze::is_full(source).then_some("free space in the lake; then run the same command again");
            (Kind::SourceInvalid, Some(source.to_string()), hint)
        }
    };
    let mut refused = Error::new(kind, error.message().to_owned());
    if let Some(detail) = detail {
        refused = refused.detail(detail);
    }
    if let Some(hint) = hint {
        refused = refused.hint(hint);
    }
    match error {
        Reason::File { source, .. } => refused.caused_by(source),
        Reason::Plan { .. } | Reason::Occupied { .. } => refused,
    }
}

/// Writes the lake, or serves the world until it is asked to stop.
///
/// # Errors
/// `Config` when the lake is not a local directory, `Usage` for flags that make no sense together,
/// `CheckFailed` when the lake holds something else where this plan writes, `SourceInvalid` when the file
/// system refuses.
pub async fn run(args: Args, settings: &Settings) -> Result<Outcome> {
    if let Some(address) = args.serve.serve {
        return serve::run(&args.serve, address, &args.plan()).await;
    }
    let LakeAddress::Directory(lake) = settings.lake.clone() else {
        return Err(Error::new(Kind::Config, "generate writes to a local directory, and the lake is in Azure")
            .hint("name a directory with --lake ./lake, and upload it with a tool of Azure's if need be"));
    };
    let plan = args.plan();
    let expected = plan.entities.iter().flat_map(|entity| (0..plan.runs).map(|run| plan.total(*entity, run))).sum();
    let expected = if plan.only_changed { 0 } else { expected };
    let watched = progress::watch(settings);
    let phase = watched.meter.phase("generating", expected, Unit::Things("records"));
    let directory = lake.clone();
    let written =
        tokio::task::spawn_blocking(move || write_lake_with(&directory, &plan, &|records| phase.add(records)));
    let summary = written.await.map_err(|e| Error::new(Kind::Internal, "the generator stopped").caused_by(e));
    drop(watched);
    let summary = summary?.map_err(refused)?;
    let json = json!({ "lake": lake.display().to_string(), "runs": summary.runs });
    Ok(Outcome::new(show::text(&summary, &lake.display().to_string()), json))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(line: &str) -> std::result::Result<Plan, String> {
        let parsed = Line::try_parse_from(std::iter::once("generate").chain(line.split_whitespace()));
        parsed.map(|line| line.args.plan()).map_err(|e| e.to_string())
    }

    #[test]
    fn no_flags_are_the_default_plan() {
        assert_eq!(plan("").unwrap(), Plan::default());
        assert_eq!(plan("all").unwrap(), Plan::default());
    }

    #[test]
    fn records_are_given_for_what_is_written_or_by_name() {
        let records = |line| plan(line).unwrap().records.0;
        assert_eq!(records("sales --records 200_000"), [5_000, 200_000, 50_000, 1_500]);
        assert_eq!(records("sales --records members=10,sales=7"), [10, 7, 50_000, 1_500]);
        assert_eq!(records("--records 9"), [9; 4]);
        assert_eq!(records("--scale 0.1"), [500, 2_000, 5_000, 150]);
        assert_eq!(plan("sales members").unwrap().entities, [Entity::Members, Entity::Sales]);
    }

    #[test]
    fn every_flag_reaches_the_plan() {
        let line = "entries --seed 5 --runs 3 --changed 4% --new 5% --duplicates 6% --broken 7% --misfits 8% \
                    --part-records 9 --start-date 2024-01-01 --end-date 2024-02-01 --first-run 2024-03-01 \
                    --split-midnight --only-changed --document-bytes 900 --gzip-level 2 --no-manifest --force";
        let expected = Plan {
            entities: vec![Entity::Entries],
            records: Records::default(),
            seed: 5,
            runs: 3,
            changed: Portion::percent(4),
            new: Portion::percent(5),
            duplicates: Portion::percent(6),
            broken: Portion::percent(7),
            misfits: Portion::percent(8),
            part_records: Some(9),
            start_date: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(),
            end_date: NaiveDate::from_ymd_opt(2024, 2, 1).unwrap(),
            first_run: NaiveDate::from_ymd_opt(2024, 3, 1).unwrap(),
            split_midnight: true,
            only_changed: true,
            document_bytes: Some(900),
            gzip_level: 2,
            manifest: false,
            force: true,
        };
        assert_eq!(plan(line).unwrap(), expected);
    }

    #[test]
    fn bad_values_name_the_flag() {
        let cases = [
            ("--changed 120%", "from 0% to 100%"),
            ("--changed 2", "from 0% to 100%"),
            ("--records 0", "from 1 to"),
            ("--records sale=5", "\"sale\" is not an entity"),
            ("--runs 0", "--runs"),
            ("--gzip-level 10", "--gzip-level"),
            ("--part-records 0", "--part-records"),
            ("--scale 0", "--scale"),
            ("--first-run tomorrow", "--first-run"),
            ("saels", "sales"),
        ];
        for (line, part) in cases {
            let message = plan(line).unwrap_err();
            assert!(message.contains(part), "{line}: {message}");
        }
    }

    #[tokio::test]
    async fn an_azure_lake_is_refused() {
        let none = config::Environment::from([]);
        let mut settings = Settings::resolve(&config::GlobalArgs::default(), &none).unwrap();
        settings.lake = LakeAddress::Azure { account: None, container: "datalake".into(), prefix: String::new() };
        let error = run(Line::try_parse_from(["generate"]).unwrap().args, &settings).await.unwrap_err();
        assert!(error.message().contains("local directory") && error.exit_code() == 3, "{}", error.render());
    }
}
