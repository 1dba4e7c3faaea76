//! A network's dashboards for people without Grafana: its JSON in, the queries that Grafana would send out, and with what
//! Prometheus answered a page.
//!
//!     Dashboard::read(json, &window) → each of `queries_mut` is `answered` or `failed` → Boards::page

mod board;
mod definition;
mod drawn;
mod units;
mod variables;
mod view;
mod window;

pub use board::{
    Answer, Boards, Dashboard, Kind, Labels, Lines, Look, Panel, Query, Series, Values,
};
pub use definition::DashboardError;
pub use window::Window;
