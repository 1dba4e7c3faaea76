//! `aznet completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use crate::context::Context;

const EXAMPLES: &str = "\
Examples:
  aznet completions bash > /etc/bash_completion.d/aznet
  aznet completions zsh > \"${fpath[1]}/_aznet\"
  aznet completions fish > ~/.config/fish/completions/aznet.fish";

/// Arguments of `aznet completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell to complete for.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the script for `command`.
pub fn run(args: &CompletionsArgs, mut command: clap::Command, context: &Context) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "aznet", &mut script);
    context
        .printer
        .out(String::from_utf8_lossy(&script).trim_end());
}
