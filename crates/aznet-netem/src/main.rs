//! Delays, loses, repeats and damages packets that pods of this node send, where the kernel has no netem.
//!
//! A rule of iptables in a pod's network namespace hands packets to a queue, and this program holds each for as long as it
//! is to be late. The rule lets packets pass when nobody reads the queue, so the death of this program ends the fault and
//! nothing else. A pod that is made anew under its name gets the fault again within seconds.

mod agent;
mod chain;
mod event;
mod fate;
mod link;
mod node;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use aznet_kit::error::chain as causes;
use aznet_model::emulation::{Emulation, VARIABLE};
use clap::Parser;

use crate::event::{Event, tell};

/// Delays, loses, repeats and damages packets that pods of this node send.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// What is done, as JSON.
    #[arg(long, env = VARIABLE, value_name = "JSON")]
    emulation: String,
    /// The kubelet's folder of pods' logs: tells which pods are on this node.
    #[arg(long, default_value = "/var/log/pods", value_name = "DIR")]
    pod_logs: PathBuf,
    /// Where the node's processes are seen.
    #[arg(long, default_value = "/proc", value_name = "DIR")]
    proc: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&Event::Failed {
                error: causes(error.as_ref()),
            });
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let emulation: Emulation = serde_json::from_str(&cli.emulation)?;
    let node = node::Node::new(&cli.pod_logs, &cli.proc);
    agent::run(&emulation, &node)?;
    Ok(())
}
