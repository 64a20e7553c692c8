//! The flags of `evo new`.

/// Drafts an entity from samples of its files: key, types, child tables, and the migration; tries it out, and
/// writes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evo new visits --from visits.csv
  evo new visits --from day1.jsonl.gz day2.jsonl.gz --zone Europe/Lisbon
  evo new visits --from bronze/evo/entity=visits   a folder of the lake
  evo new visits --from visits.csv --key club,at   unique together
  evo new visits --from visits.csv --missing mark
                                     a run is the whole list; the rest is marked
  evo new visits --from visits.csv --key id --history changedAt
                                     keep each version with its time
  evo new visits --from visits.csv --dry-run       show it and write nothing
  evo new visits --update --from newer.csv         what newer samples have: new
                                     columns and tables for an entity of yours

It writes models/visits/ and a migration into the folder of --extend, or into
own/, and never over a file that is there. Before that it loads and transforms
the first documents in a database that it makes on the private PostgreSQL and
drops again, and shows the first rows: run it where those who watch may see the
data.

What it writes is yours: read it, change it, then: evo migrate. An update adds
columns to models and writes a migration; lines that are there stay as they are,
and a type that has changed is named and left to you.")]
pub struct Args {
    /// Name of the entity: small letters, digits and underscores, in the plural
    #[arg(value_name = "ENTITY")]
    pub entity: String,
    /// Samples: files, or objects or folders of the lake; NDJSON, JSON array or CSV, plain or compressed
    #[arg(long, value_name = "SAMPLE", required = true, num_args = 1..)]
    pub from: Vec<String>,
    /// Add what the samples have to an entity that is there: columns, and tables of arrays
    #[arg(long, conflicts_with_all = ["key", "zone", "missing", "history"])]
    pub update: bool,
    /// The fields that make a document unique [default: looked for]
    #[arg(long, value_name = "FIELD", value_delimiter = ',', num_args = 1..)]
    pub key: Vec<String>,
    /// The zone of times without an offset, as PostgreSQL names it [default: America/Sao_Paulo]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Each run holds everything: mark rows that the newest one lacks, or delete them
    #[arg(long, value_name = "RULE", value_parser = ["mark", "delete"])]
    pub missing: Option<String>,
    /// Keep each version of a document: the field with the time of its last change, or several of which the
    /// first one with a value counts
    #[arg(long, value_name = "FIELD", value_delimiter = ',', num_args = 1.., conflicts_with = "missing")]
    pub history: Vec<String>,
    /// First rows of each table to show; 0 shows no value
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub rows: u32,
    /// Write without trying it out
    #[arg(long)]
    pub no_trial: bool,
    /// Show the draft and write nothing
    #[arg(long)]
    pub dry_run: bool,
}
