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
mod blame;
mod calico;
mod cgroup;
mod claim;
mod components;
mod config;
mod down;
mod error;
mod host;
mod images;
mod ingredients;
mod layout;
mod list;
mod name;
mod netns;
mod pki;
mod ready;
mod root;
mod soundness;
mod spec;
mod status;
mod supervisor;
mod traces;
mod up;
mod verify;

pub use self::config::RESERVED_CPU;
#[cfg(test)]
pub(crate) use self::config::tests::kubeconfig_for as test_kubeconfig;
pub use self::down::down;
pub use self::error::Error;
pub use self::layout::containerd_socket;
pub use self::list::{Info, State, find, list};
pub use self::name::{BadName, LONGEST_NAME, is_name};
pub use self::spec::{Archive, Binaries, Images, enforces_policies, kubernetes_of};
pub use self::status::ComponentStatus;
pub use self::supervisor::supervise;
pub use self::up::{Options, Started, start, up};
