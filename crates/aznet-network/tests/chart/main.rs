//! Values, plan and rendered chart, held against each other.

mod common;
mod plan;
mod render;
mod values;
