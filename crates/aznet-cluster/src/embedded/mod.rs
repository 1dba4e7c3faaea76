//! The embedded cluster: upstream Kubernetes of one node, run by aznet itself as supervised processes.
//!
//! Every cluster has its own network namespace, cgroups and directories, so that any number of them run side by side
//! with the same addresses inside, and so that [`down`] knows what to remove. There is no link between a cluster and
//! its host: the supervisor leads one port of the host's loopback to the API, and nothing leads out.
//!
//! Besides, the supervisor makes the directories of dynamic volumes.
//!
//! What dies is brought back: a component by the supervisor, the supervisor by [`up`], which also serves after a
//! reboot. Containers outlive both.

mod addons;
mod addresses;
mod calico;
mod cgroup;
mod components;
mod config;
mod down;
mod error;
mod host;
mod import;
mod layout;
mod list;
mod lock;
mod mounts;
mod netns;
mod pki;
mod process;
mod ready;
mod spec;
mod status;
mod store;
mod supervisor;
mod traces;
mod up;
mod verify;

pub use self::config::RESERVED_CPU;
pub use self::down::down;
pub use self::error::Error;
pub use self::list::{Info, State, list};
pub use self::process::Process;
pub use self::spec::{Archive, Binaries, Images, enforces_policies, kubernetes_of};
pub use self::status::ComponentStatus;
pub use self::supervisor::supervise;
pub use self::up::{Options, up};
