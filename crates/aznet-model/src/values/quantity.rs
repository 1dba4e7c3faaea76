//! Kubernetes quantities in values: text, checked, kept as written.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A number of cores.
pub(super) const CPU: &str = r"^[0-9]+(\.[0-9]+)?m?$";
/// An amount of memory or disk.
pub(super) const BYTES: &str = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$";

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
    json_schema!({ "type": ["string", "number", "null"], "pattern": CPU, "minimum": 0 })
}

pub(super) fn bytes_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer", "null"], "pattern": BYTES, "minimum": 0 })
}

/// Text by name. A null takes a name out that a weaker file put in.
pub(super) fn texts_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"], "additionalProperties": { "type": ["string", "null"] } })
}

/// Environment variables by name; numbers and booleans are taken as text.
pub(super) fn env_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
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
            scalar @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                Ok(Self(scalar.to_string()))
            }
            _ => Err(D::Error::custom("expected text, a number or a boolean")),
        }
    }
}
