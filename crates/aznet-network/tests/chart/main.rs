//! Values, plan and rendered chart, held against each other.

mod apiserver;
mod common;
mod groups;
mod install;
mod plan;
mod render;
mod telemetry;
mod upgrade;
mod values;
