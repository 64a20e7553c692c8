//! Settings: flag > environment > evo.toml > default. The only reader of the environment.

mod azure;
mod database;
pub mod dsn;
pub mod environment;
mod file;
mod flags;
mod keys;
mod lake;
mod machine;
mod notify;
mod parsers;
mod rate;
mod reporting;
mod resolved;
mod retries;
mod schema;
mod settings;
mod source;
mod telemetry;
mod value;

pub use azure::{AZURE_VARIABLES, Azure, Credential, RequestPolicy};
pub use database::Database;
pub use dsn::Dsn;
pub use environment::{Environment, columns_of_stderr, command_line, size_of_stdout};
pub use flags::{GlobalArgs, LogFormat, Output};
pub use keys::{KEYS, Setting, Takes};
pub use lake::LakeAddress;
pub use machine::{Machine, own_program, scratch_folder};
pub use notify::{Notify, NotifyFormat, NotifyOn, PLACEHOLDERS};
pub use parsers::{day, moment, share, socket, time, whole};
pub use rate::{Rate, given_rate};
pub use reporting::{Progress, wants_json_log};
pub use resolved::{Origin, Resolved};
pub use schema::settings_schema;
pub use settings::Settings;
pub use source::{ApiSource, Auth, OAuth2, Secret};
pub use telemetry::{OtlpEncoding, OtlpSignal, OtlpTarget, Telemetry};
pub use value::Share;

#[cfg(test)]
mod tests;
