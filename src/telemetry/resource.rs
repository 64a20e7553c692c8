//! The subject of metrics and spans: this process, by the semantic conventions.

use uuid::Uuid;

use crate::config::Telemetry;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attribute {
    Text(String),
    Bool(bool),
    Whole(i64),
    Real(f64),
}

/// Attributes of this process.
#[derive(Debug)]
pub(super) struct Resource {
    pub attributes: Vec<(String, Attribute)>,
}

impl Resource {
    /// This process as it runs `command`. What the settings say overrides what evo knows.
    pub(super) fn of_process(telemetry: &Telemetry, command: &str) -> Self {
        let text = |text: &str| Attribute::Text(text.to_owned());
        let mut attributes = vec![
            ("service.name".to_owned(), text(&telemetry.service_name)),
            ("service.version".to_owned(), text(env!("CARGO_PKG_VERSION"))),
            ("service.instance.id".to_owned(), text(&Uuid::new_v4().to_string())),
            ("telemetry.sdk.language".to_owned(), text("rust")),
            ("telemetry.sdk.name".to_owned(), text("evo")),
            ("telemetry.sdk.version".to_owned(), text(env!("CARGO_PKG_VERSION"))),
            ("process.pid".to_owned(), Attribute::Whole(std::process::id().into())),
            ("evo.command".to_owned(), text(command)),
        ];
        attributes.extend(telemetry.host_name.as_deref().map(|name| ("host.name".to_owned(), text(name))));
        for (key, value) in &telemetry.resource {
            attributes.retain(|(known, _)| known != key);
            attributes.push((key.clone(), text(value)));
        }
        Self { attributes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_settings_say_overrides_what_evo_knows() {
        let telemetry = Telemetry {
            service_name: "warehouse".to_owned(),
            host_name: Some("a".to_owned()),
            resource: vec![("host.name".to_owned(), "b".to_owned())],
            ..Telemetry::default()
        };
        let attributes = Resource::of_process(&telemetry, "load").attributes;
        let all = |key: &str| attributes.iter().filter(|(k, _)| k == key).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        assert_eq!(all("host.name"), [Attribute::Text("b".to_owned())]);
        assert_eq!(all("service.name"), [Attribute::Text("warehouse".to_owned())]);
        assert_eq!(all("evo.command"), [Attribute::Text("load".to_owned())]);
    }
}
