//! Kubernetes quantities in values: text, checked, kept as written.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

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
    json_schema!({ "type": ["string", "number", "null"], "pattern": r"^[0-9]+(\.[0-9]+)?m?$", "minimum": 0 })
}

pub(super) fn bytes_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "integer", "null"],
        "pattern": r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$",
        "minimum": 0,
    })
}

/// A quantity given as text or as a bare number, as text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    use serde::de::Error;
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        serde_json::Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(D::Error::custom(format!(
            "`{other}` is no quantity, such as `100m` or `1Gi`"
        ))),
    }
}
