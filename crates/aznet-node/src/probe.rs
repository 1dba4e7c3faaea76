//! Measures, from inside a pod, what a fault of its network or load on it must show in. Prints JSON.

mod clock;
mod connect;
pub(crate) mod error;
mod half_open;
mod repeats;
mod send;
mod usage;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;

use self::error::ProbeError;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Connect to addresses over TCP, all at once, and tell which answer and how soon
    Connect {
        /// Milliseconds to wait for an answer
        #[arg(long, default_value_t = 1000)]
        within: u64,
        /// The addresses
        #[arg(required = true)]
        to: Vec<SocketAddr>,
    },
    /// Tell by how much the clock of what serves HTTP in this pod is off
    Clock {
        /// The ports that it may be at, of which one must speak HTTP
        #[arg(required = true)]
        ports: Vec<u16>,
    },
    /// Tell who begins a TCP connection with this pod that is not completed
    HalfOpen {
        /// Milliseconds to look
        #[arg(long, default_value_t = 3000)]
        during: u64,
    },
    /// Begin and end connections over TCP, all at once, and tell how many packets came twice
    Repeats {
        /// Milliseconds to wait for answers
        #[arg(long, default_value_t = 1000)]
        within: u64,
        /// The addresses
        #[arg(required = true)]
        to: Vec<SocketAddr>,
    },
    /// Send to a pod as fast as asked, and tell how much has left this one
    Send {
        /// Whom to; it need not listen
        to: IpAddr,
        /// Bytes a second that are tried
        #[arg(long)]
        rate: u64,
        /// Milliseconds
        #[arg(long, default_value_t = 2000)]
        during: u64,
    },
    /// Tell what this container uses of processors and memory
    Usage {
        /// Milliseconds to look at the processors
        #[arg(long, default_value_t = 1000)]
        during: u64,
    },
}

/// Measures and prints it.
pub(crate) fn run(command: &Command) -> Result<(), ProbeError> {
    match command {
        Command::Connect { within, to } => {
            print(&connect::all(to, Duration::from_millis(*within))?)
        }
        Command::Clock { ports } => print(&clock::of(ports)?),
        Command::HalfOpen { during } => print(&half_open::during(Duration::from_millis(*during))?),
        Command::Repeats { within, to } => {
            print(&repeats::all(to, Duration::from_millis(*within))?)
        }
        Command::Send { to, rate, during } => {
            print(&send::to(*to, *rate, Duration::from_millis(*during))?)
        }
        Command::Usage { during } => print(&usage::during(Duration::from_millis(*during))?),
    }
}

fn print(measured: &impl Serialize) -> Result<(), ProbeError> {
    let text = serde_json::to_string(measured);
    let text = text.map_err(|error| ProbeError::Print(error.into()))?;
    writeln!(io::stdout(), "{text}").map_err(ProbeError::Print)
}
