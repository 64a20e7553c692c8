//! Templates: JSON documents whose texts contain placeholders such as `{headline}`.
//!
//! They are filled after they are parsed, so that no value can break the document.

use serde_json::Value;

use super::ending::Ending;
use crate::config::{NotifyFormat, PLACEHOLDERS};

const SLACK: &str = include_str!("slack.json");
const TEAMS: &str = include_str!("teams.json");

/// The body of a notification.
pub(super) fn body(format: &NotifyFormat, ending: &Ending<'_>) -> Value {
    match format {
        NotifyFormat::Json => ending.document(),
        NotifyFormat::Slack => filled(&parsed(SLACK), ending, slack),
        NotifyFormat::Teams => filled(&parsed(TEAMS), ending, teams),
        NotifyFormat::Template(template) => filled(template, ending, str::to_owned),
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The template with its placeholders filled. A text that is nothing but `{summary}` becomes the summary
/// itself.
fn filled(template: &Value, ending: &Ending<'_>, escape: fn(&str) -> String) -> Value {
    match template {
        Value::String(text) if text == "{summary}" => ending.document()["summary"].take(),
        Value::String(text) => fill(text, ending, escape).into(),
        Value::Array(items) => items.iter().map(|item| filled(item, ending, escape)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), filled(value, ending, escape)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// One pass from left to right: braces in a value are no placeholder.
fn fill(text: &str, ending: &Ending<'_>, escape: fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out += before;
        let name = from[1..].split('}').next().filter(|name| PLACEHOLDERS.contains(name));
        match name {
            Some("summary") => out += &ending.document()["summary"].to_string(),
            Some(name) => out += &escape(&ending.text(name)),
            None => out.push('{'),
        }
        rest = &from[name.map_or(1, |name| name.len() + 2)..];
    }
    out + rest
}

/// Slack's three characters of control.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes brackets, which Markdown would take for a link, and doubles line feeds, which it would take for
/// spaces.
fn teams(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]").replace('\n', "\n\n")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::error::{Error, Kind};

    fn with(format: &NotifyFormat, summary: &Value, message: &str) -> Value {
        let error = Error::new(Kind::CheckFailed, message.to_owned());
        let (host, trace) = (Some("box"), None);
        let ending = Ending {
            command: "load",
            began: (0, Instant::now()),
            host,
            trace,
            summary: Some(summary),
            failure: Some(&error),
        };
        body(format, &ending)
    }

    #[test]
    fn the_messages_of_slack_and_teams_say_what_happened_and_values_steer_neither() {
        let hostile = "<!channel> [here](http://x) \"quoted\" {hint} & more";
        let slack = with(&NotifyFormat::Slack, &json!({ "execution_id": "e-1" }), hostile);
        let text = slack["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(text.contains("evo load: failed") && text.contains("&lt;!channel&gt;"), "{text}");
        assert!(text.contains("{hint} &amp; more"), "a value is not filled again: {text}");
        assert!(slack["blocks"][1]["elements"][0]["text"].as_str().unwrap().contains("box · evo "));
        let teams = with(&NotifyFormat::Teams, &json!({ "execution_id": "e-1" }), hostile);
        let card = &teams["attachments"][0]["content"]["body"];
        assert!(card[0]["text"].as_str().unwrap().starts_with("❌ evo load: failed after"), "{card}");
        assert!(card[1]["text"].as_str().unwrap().contains("\\[here\\](http://x)"), "{card}");
        assert_eq!(card[2]["facts"][2]["value"], "e-1");
    }

    #[test]
    fn a_template_of_ones_own_may_have_any_shape_and_the_summary_as_a_value() {
        let template = json!({ "a": ["{status} {exit_code}", 1, null], "all": "{summary}", "b": "{ {}{unknown}" });
        let summary = json!({ "execution_id": "e", "rows": 3 });
        let body = with(&NotifyFormat::Template(template), &summary, "no");
        assert_eq!(body, json!({ "a": ["failed 6", 1, null], "all": summary, "b": "{ {}{unknown}" }));
    }
}
