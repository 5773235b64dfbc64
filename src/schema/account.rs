//! Where a vendor tells the id of the account that a token is of.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::column::{ColumnPath, Step};

/// `account` of `source.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRoute {
    /// Path below the address, from a slash on.
    pub endpoint: String,
    /// Query parameters.
    #[serde(default)]
    pub params: IndexMap<String, String>,
    /// Where the id is in the reply.
    #[serde(deserialize_with = "path")]
    pub path: IdPath,
}

/// A path and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPath {
    text: String,
    path: ColumnPath,
}

impl AccountRoute {
    /// Where an id comes from, in a form to compare: ids that were read otherwise are other ids.
    pub fn read_from(&self) -> String {
        format!("{} {}", self.endpoint, self.path.text)
    }

    /// The id in a reply; of several, all of them joined by commas. Nothing where there is none.
    pub fn id(&self, reply: &Value) -> Option<String> {
        let mut ids = Vec::new();
        collect(reply, &self.path.path.0, &mut ids);
        (!ids.is_empty()).then(|| ids.join(","))
    }
}

fn collect(value: &Value, steps: &[Step], ids: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else {
        match value {
            Value::String(text) if !text.is_empty() => ids.push(text.clone()),
            Value::Number(number) => ids.push(number.to_string()),
            _ => {}
        }
        return;
    };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => {
            let member = members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
            if let Some((_, member)) = member {
                collect(member, rest, ids);
            }
        }
        (Step::Elements, Value::Array(elements)) => elements.iter().for_each(|element| collect(element, rest, ids)),
        (Step::Where(name, wanted), Value::Array(elements)) => {
            let is_wanted = |element: &&Value| match element.get(name) {
                Some(Value::String(text)) => text == wanted,
                Some(Value::Number(number)) => number.to_string() == *wanted,
                _ => false,
            };
            elements.iter().filter(is_wanted).for_each(|element| collect(element, rest, ids));
        }
        _ => {}
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IdPath, D::Error> {
    let text = String::deserialize(deserializer)?;
    let path = text.parse().map_err(serde::de::Error::custom)?;
    Ok(IdPath { text, path })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(path: &str) -> AccountRoute {
        toml::from_str(&format!("endpoint = \"/Account\"\npath = \"{path}\"\n")).unwrap()
    }

    #[test]
    fn an_id_is_found_wherever_the_declaration_says() {
        for (path, reply, id) in [
            ("value[].Id", json!({"value": [{"id": 4321, "Name": "x"}]}), Some("4321")),
            ("account.key", json!({"Account": {"Key": "a-1"}}), Some("a-1")),
            (
                "value[kind=main].id",
                json!({"value": [{"kind": "side", "id": 1}, {"kind": "main", "id": 2}]}),
                Some("2"),
            ),
            ("value[].Id", json!({"value": [{"Id": 1}, {"Id": 2}]}), Some("1,2")),
            ("value[].Id", json!({"value": []}), None),
            ("value[].Id", json!({"value": [{"Id": null}]}), None),
            ("value[].Id", json!({"value": "Erro interno"}), None),
            ("id", json!({"id": ""}), None),
        ] {
            assert_eq!(route(path).id(&reply).as_deref(), id, "{path} {reply}");
        }
        assert_eq!(route("value[].Id").read_from(), "/Account value[].Id");
        assert!(toml::from_str::<AccountRoute>("endpoint = \"/Account\"\npath = \"a[].b[].c\"\n").is_err());
    }
}
