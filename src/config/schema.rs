//! The JSON schema of `evo.toml`, for editors.

use serde_json::{Map, Value, json};

use super::keys::{KEYS, Setting, Takes};
use super::source;
use crate::declaration;

/// The JSON schema of `evo.toml`, made of the declarations that parse it.
pub fn settings_schema() -> Value {
    let mut properties = Map::new();
    for setting in KEYS {
        match setting.name.split_once('.') {
            None => drop(properties.insert(setting.name.to_owned(), property(setting))),
            Some((table, key)) => {
                let empty = || json!({ "type": "object", "additionalProperties": false, "properties": {} });
                let table = properties.entry(table).or_insert_with(empty);
                table["properties"][key] = property(setting);
            }
        }
    }
    let sources = json!({ "type": "object", "additionalProperties": declaration::schema(source::KEYS) });
    properties.insert("source".to_owned(), sources);
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "evo.toml: the settings of evo",
        "type": "object", "additionalProperties": false, "properties": properties,
    })
}

fn property(setting: &Setting) -> Value {
    let mut property = match setting.takes {
        Takes::Text => json!({ "type": "string" }),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::Whole(min, max) => json!({ "type": ["integer", "string"], "minimum": min, "maximum": max }),
        Takes::Time(..) => json!({ "type": "string" }),
        Takes::Size(..) => json!({ "type": ["string", "integer"] }),
    };
    let range = match setting.takes {
        Takes::Time(..) | Takes::Size(..) => format!("; {}", setting.takes),
        _ => String::new(),
    };
    property["description"] = json!(format!("{}{range}", setting.doc));
    if let Some(default) = setting.default {
        // As it is written in the file.
        let number = matches!(setting.takes, Takes::Whole(..)).then(|| default.parse::<u64>().ok()).flatten();
        property["default"] = number.map_or_else(|| json!(default), |number| json!(number));
    }
    property
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_in_the_schema_where_the_file_has_it() {
        let schema = settings_schema();
        for setting in KEYS {
            let path = setting.name.replace('.', "/properties/");
            let property = schema.pointer(&format!("/properties/{path}")).unwrap_or_else(|| panic!("{}", setting.name));
            assert!(property["description"].as_str().unwrap().starts_with(setting.doc));
        }
        assert_eq!(schema["properties"]["workers"]["maximum"], 64);
        assert_eq!(schema["properties"]["retry"]["properties"]["max_retries"]["default"], 5);
        assert!(schema.pointer("/properties/source/additionalProperties/properties/url").is_some());
    }
}
