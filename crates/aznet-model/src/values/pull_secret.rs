//! Secrets for the images' registries.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// The name of a Secret with credentials for a registry: `regcred`, or `{name: regcred}` as in a pod's spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PullSecret(pub String);

impl JsonSchema for PullSecret {
    fn schema_name() -> Cow<'static, str> {
        "PullSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "minLength": 1,
            "properties": { "name": { "type": "string", "minLength": 1 } },
            "required": ["name"],
            "additionalProperties": false,
            "description": "The name of a Secret with credentials for a registry: `regcred`, or `{name: regcred}` as in a pod's spec.",
        })
    }
}

impl<'de> Deserialize<'de> for PullSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let value = Value::deserialize(deserializer)?;
        let name = value.as_str().or_else(|| value["name"].as_str());
        let name = name.ok_or_else(|| D::Error::custom("expected a name, or {name: …}"))?;
        Ok(Self(name.to_owned()))
    }
}
