//! Clusters of kind: upstream Kubernetes in containers of the user's Docker or Podman, with as many nodes as are asked for.
//!
//! A cluster of kind is an existing cluster that is made, given its images and removed here. Whose it is, its nodes tell:
//! each has the folder mounted that this state folder keeps for the cluster. What others made with kind is never touched.

mod choice;
mod config;
mod container;
mod doctor;
mod down;
mod engine;
mod error;
mod images;
mod list;
mod node;
mod program;
mod remains;
mod up;
mod which;

pub use self::choice::{Choice, DEFAULT};
pub use self::doctor::check;
pub use self::down::down;
pub use self::engine::Engine;
pub use self::error::Error;
pub use self::images::{load, load_archive};
pub use self::list::{Info, State, find, list, names};
pub use self::node::{import, node};
pub use self::program::on_path;
pub use self::up::{Supplies, check_choice, start};

/// Where containerd listens on a node.
pub const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
