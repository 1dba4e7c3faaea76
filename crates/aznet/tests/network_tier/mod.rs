//! The checks of the real-network tier, and the machine they run on.

mod alerts;
mod attacks;
mod chaos;
mod checks;
mod compose;
mod deploy;
mod ends;
mod faults;
mod join;
mod kinds;
mod machine;
mod matrix;
mod new_image;
mod newcomers;
mod plain_helm;
mod policies;
mod ports;
mod presets;
mod quickstart;
mod registry;
mod rollout;
mod secrets;
mod served;
mod smoke;
mod soak;
mod telemetry;
mod validators;
mod watch;

pub(crate) use checks::{checks, lacks};
pub(crate) use machine::{Machine, Outcome, missing};
