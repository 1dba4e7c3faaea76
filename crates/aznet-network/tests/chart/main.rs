//! Values, plan and rendered chart, held against each other.

mod accounts;
mod apiserver;
mod aws;
mod cases;
mod chaos;
mod common;
mod compose;
mod differential;
mod groups;
mod hygiene;
mod install;
mod join;
mod plan;
mod policy;
mod reach;
mod releases;
mod render;
mod rights;
mod telemetry;
mod upgrade;
mod validators;
mod values;
