//! Kubernetes quantities in values: text, checked, kept as written.

use crate::{limit, yaml};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A number of cores.
pub(super) const CPU: &str = r"^([0-9]{1,9}(\.[0-9]{1,3})?|[0-9]{1,12}m)$";
/// An amount of memory or disk.
pub(super) const BYTES: &str =
    r"^([0-9]{1,9}(\.[0-9]{1,9})?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)|[0-9]{1,18})$";

const EXACT: i64 = limit::EXACT.cast_signed();

/// Amounts of what a container uses, as Kubernetes writes quantities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ResourceList {
    /// Cores, e.g. `100m`.
    #[schemars(schema_with = "cpu_schema")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text")]
    pub cpu: Option<String>,
    /// Memory, e.g. `1Gi`.
    #[schemars(schema_with = "bytes_schema")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text")]
    pub memory: Option<String>,
    /// Local disk, e.g. `10Gi`.
    #[schemars(schema_with = "bytes_schema")]
    #[serde(
        rename = "ephemeral-storage",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "text"
    )]
    pub ephemeral_storage: Option<String>,
}

fn cpu_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number", "null"], "pattern": CPU,
        "minimum": 0, "maximum": limit::COUNT,
    })
}

pub(super) fn bytes_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer", "null"], "pattern": BYTES,
        "minimum": 0, "maximum": limit::EXACT,
    })
}

/// Text by name.
pub(super) fn texts_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"], "additionalProperties": { "type": "string" } })
}

/// Environment variables by name; numbers and booleans are taken as text. Larger numbers lose digits on their way through
/// Helm: they must be text.
pub(super) fn env_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": {
            "type": ["string", "number", "boolean"],
            "minimum": -EXACT, "maximum": EXACT,
        },
    })
}

/// A quantity given as text or as a bare number, as text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(deserializer)?.map(|Scalar(text)| text))
}

/// Environment variables, as text.
pub(super) fn env<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let env = Option::<BTreeMap<String, Scalar>>::deserialize(deserializer)?;
    Ok(env.map(|env| {
        env.into_iter()
            .map(|(name, Scalar(text))| (name, text))
            .collect()
    }))
}

/// Text, a number or a boolean, as text.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(yaml::text(&number))),
            serde_json::Value::Bool(boolean) => Ok(Self(boolean.to_string())),
            _ => Err(D::Error::custom("expected text, a number or a boolean")),
        }
    }
}
