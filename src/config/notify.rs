//! Whom to notify when a job has ended, when, and in which words.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;
use url::Url;

use super::environment::Environment;
use super::resolved::{Resolved, find};
use super::telemetry::{address, shown_host};
use super::value::unexpected;
use crate::error::{Error, Kind, Result};
use crate::suggest::did_you_mean;

/// When a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NotifyOn {
    /// After every job.
    Always,
    /// After a job whose exit code is not 0.
    Failure,
}

/// The format of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyFormat {
    /// The run's summary with everything about its end.
    Json,
    /// A message for an incoming webhook of Slack.
    Slack,
    /// An adaptive card for a workflow of Teams.
    Teams,
    /// A template of the user's own: a document whose texts contain [`PLACEHOLDERS`].
    Template(Value),
}

/// Names that a template may contain in braces.
pub static PLACEHOLDERS: &[&str] = &[
    "command",
    "detail",
    "digest",
    "duration",
    "ended_at",
    "error",
    "execution_id",
    "exit_code",
    "headline",
    "hint",
    "host",
    "mark",
    "report",
    "started_at",
    "status",
    "summary",
    "trace_id",
    "version",
];

/// Where a notification is sent.
#[derive(Clone)]
pub struct Notify {
    /// The whole address. That of a webhook is a credential: show [`Notify::host`].
    pub url: Url,
    /// When it is sent.
    pub on: NotifyOn,
    /// Its format.
    pub format: NotifyFormat,
}

impl fmt::Debug for Notify {
    // Without the address, which is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notify to {} on {:?} as {:?}", self.host(), self.on, self.format)
    }
}

impl Notify {
    /// Host and port, for messages.
    pub fn host(&self) -> String {
        shown_host(&self.url)
    }
}

/// Reads the settings; `None` when nobody is to be notified.
///
/// # Errors
/// `Config` or `Usage` for a value that is not understood. No message repeats the address.
pub(super) fn read(all: &[Resolved], environment: &Environment) -> Result<Option<Notify>> {
    let on = find(all, "notify_on")?.word()?;
    let format = find(all, "notify_format")?;
    let setting = find(all, "notify")?;
    if setting.text.is_none() {
        return Ok(None);
    }
    let wanted = "an http or https address, such as that of a webhook";
    let url = setting.parse(|text| address(text).ok_or_else(|| unexpected(wanted, "something else")))?;
    let format = match format.require()? {
        "auto" => by_host(&url),
        "json" => NotifyFormat::Json,
        "slack" => NotifyFormat::Slack,
        "teams" => NotifyFormat::Teams,
        _ => NotifyFormat::Template(format.parse(|path| template(path, &environment.directory))?),
    };
    Ok(Some(Notify { url, on, format }))
}

/// A template, read and checked.
fn template(path: &str, directory: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(directory.join(path))
        .map_err(|e| unexpected("auto, json, slack, teams or the path of a JSON file", path).caused_by(e))?;
    let template: Value = serde_json::from_str(&text).map_err(|e| {
        let message = format!("the template {path} is not valid JSON");
        Error::new(Kind::Config, message).detail(format!("line {}, column {}", e.line(), e.column()))
    })?;
    match unknown_placeholder(&template) {
        None => Ok(template),
        Some(name) => {
            let error = Error::new(Kind::Config, format!("the template {path} has an unknown placeholder {{{name}}}"));
            Err(match did_you_mean(&name, PLACEHOLDERS.iter().copied()) {
                Some(near) => error.hint(format!("did you mean {{{near}}}?")),
                None => error.hint(format!("the placeholders are {}", PLACEHOLDERS.join(", "))),
            })
        }
    }
}

/// The first `{word}` in a text of the template that is not one of [`PLACEHOLDERS`].
fn unknown_placeholder(template: &Value) -> Option<String> {
    let is_word = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match template {
        Value::String(text) => {
            let mut names = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
            names.find(|name| is_word(name) && !PLACEHOLDERS.contains(name)).map(str::to_owned)
        }
        Value::Array(items) => items.iter().find_map(unknown_placeholder),
        Value::Object(fields) => fields.values().find_map(unknown_placeholder),
        _ => None,
    }
}

/// The format that a service expects, by its host.
fn by_host(url: &Url) -> NotifyFormat {
    let host = url.host_str().unwrap_or_default();
    let is_of = |domains: &[&str]| domains.iter().any(|d| host == *d || host.ends_with(&format!(".{d}")));
    match host {
        _ if is_of(&["slack.com", "slack-gov.com"]) => NotifyFormat::Slack,
        _ if is_of(&["webhook.office.com", "logic.azure.com", "powerplatform.com"]) => NotifyFormat::Teams,
        _ => NotifyFormat::Json,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{GlobalArgs, Settings};

    fn resolve(variables: [(&str, &str); 2]) -> Result<Settings> {
        let mut environment = Environment::from(variables);
        environment.directory = PathBuf::from("/nowhere");
        Settings::resolve(&GlobalArgs::default(), &environment)
    }

    #[test]
    fn the_format_follows_the_host_unless_it_is_given() {
        let format = |url, format| resolve([("EVO_NOTIFY", url), ("EVO_NOTIFY_FORMAT", format)]);
        for (url, given, expected) in [
            ("https://hooks.slack.com/services/T0/B0/hunter2", "", NotifyFormat::Slack),
            ("https://prod-7.westeurope.logic.azure.com/x?sig=hunter2", "", NotifyFormat::Teams),
            ("https://notslack.com/", "", NotifyFormat::Json),
            ("http://alerts:9000/", "teams", NotifyFormat::Teams),
        ] {
            let settings = format(url, given).unwrap();
            assert_eq!(settings.notify.as_ref().unwrap().format, expected, "{url}");
            assert!(!format!("{settings:?}").contains("hunter2"));
        }
        let error = format("http://x", "no-such-file.json").unwrap_err();
        assert!(error.message().starts_with("EVO_NOTIFY_FORMAT: expected auto, json, slack, teams"), "{error}");
    }

    #[test]
    fn a_template_is_checked_before_the_job_begins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            resolve([("EVO_NOTIFY", "http://x"), ("EVO_NOTIFY_FORMAT", path.to_str().unwrap())])
        };
        let good = read(r#"{"text": ["{headline} {", "${Not.Ours}"]}"#).unwrap();
        assert!(matches!(good.notify.unwrap().format, NotifyFormat::Template(_)));
        let error = read("{").unwrap_err();
        assert!(error.message().ends_with("own.json is not valid JSON"), "{error}");
        let error = read(r#"{"text": ["{hedline}"]}"#).unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean {headline}?"));
    }

    #[test]
    fn an_address_that_is_none_is_an_error_that_does_not_repeat_it() {
        for text in ["hunter2", "hooks.slack.com/services/hunter2", "ftp://hunter2/", "http://"] {
            let error = resolve([("EVO_NOTIFY", text), ("EVO_NOTIFY_ON", "failure")]).unwrap_err();
            assert!(error.message().starts_with("EVO_NOTIFY: expected") && !error.render().contains("hunter2"));
        }
        assert!(resolve([("EVO_NOTIFY", ""), ("EVO_NOTIFY_ON", "failure")]).unwrap().notify.is_none());
        assert!(resolve([("EVO_NOTIFY", "http://x"), ("EVO_NOTIFY_ON", "sometimes")]).is_err());
    }
}
