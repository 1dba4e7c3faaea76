//! `aznet`: real Aztec networks on real Kubernetes with one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    aznet::main()
}
