//! HTML pages that need nothing else: charting library, script, style sheet and data in one file, which loads nothing.
//!
//! [`Page`] is the frame that all of them have; [`dashboards`] is a network's dashboards as such a page. `web/` has what
//! draws in the browser.

pub mod dashboards;
mod frame;

pub use frame::{Page, Script};
