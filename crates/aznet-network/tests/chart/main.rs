//! Values, plan and rendered chart, held against each other.

mod apiserver;
mod common;
mod install;
mod plan;
mod render;
mod values;
