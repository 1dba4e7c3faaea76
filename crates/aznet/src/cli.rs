//! The command line as clap sees it: the verbs.

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    adopt, bundle, chaos, charts, cluster, completions, dashboards, deploy, doctor, down, env,
    forward, images, join, list, logs, plan, preflight, report, status, test, up, validators,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Examples:
  aznet up               a small network on this machine
  aznet status           its nodes, tips and committee
  aznet test transfer    move tokens through it
  eval \"$(aznet env)\"    PXE_URL, AZTEC_NODE_URL, … for your own programs
  aznet down             remove it

Exit codes:
  0 ok   2 usage   3 invalid values   4 no test selected   20 cluster
  21 deploy   22 network unhealthy   23 fault not applied or not undone
  100 tests failed   130 interrupted   1 anything else";

/// This process's arguments; ends the process where they are none of ours.
pub(crate) fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
        blamed(error, &arguments.collect::<Vec<_>>()).exit()
    })
}

/// The error with the variable for its culprit where the value is not of the command line: clap names the flag, which
/// may even be hidden.
fn blamed(mut error: clap::Error, arguments: &[String]) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let long = flag.split([' ', '=']).next().unwrap_or_default();
    let given = arguments
        .iter()
        .any(|argument| argument.split('=').next() == Some(long));
    let mut command = Cli::command();
    // Else clap does not know how an argument is written.
    command.build();
    let variable = variable_of(&command, flag).filter(|_| !given);
    if let Some(variable) = variable {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The variable of the environment that stands for `flag`, as clap writes it, anywhere in a command.
fn variable_of(command: &clap::Command, flag: &str) -> Option<String> {
    let mut arguments = command.get_arguments();
    let of_this = arguments.find(|argument| argument.to_string() == flag);
    let of_this = of_this.and_then(|argument| argument.get_env());
    let mut below = command.get_subcommands();
    of_this
        .map(|variable| variable.to_string_lossy().into_owned())
        .or_else(|| below.find_map(|command| variable_of(command, flag)))
}

/// Real Aztec networks on real Kubernetes with one command.
#[derive(Debug, Parser)]
#[command(name = "aznet", version, styles = STYLES, after_help = AFTER_HELP)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 120
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a network, after setting up whatever is missing.
    Up(up::UpArgs),
    /// Make a network what its values say, unattended: proved by a test, taken back if it fails.
    Deploy(deploy::DeployArgs),
    /// Remove a network.
    Down(down::DownArgs),
    /// Show the status of a network: nodes, tips, committee.
    Status(status::StatusArgs),
    /// List the running networks.
    List(list::ListArgs),
    /// Show the logs of a network's pods.
    Logs(logs::LogsArgs),
    /// Let aznet manage a network that plain Helm installed.
    Adopt(adopt::AdoptArgs),
    /// Show what a network would consist of, without starting it.
    Plan(plan::PlanArgs),
    /// Check what a network needs of its L1 and its namespace, before anything is spent.
    Preflight(preflight::PreflightArgs),
    /// Run scenarios against a network.
    Test(test::TestArgs),
    /// Report a recorded run of tests again.
    Report(report::ReportArgs),
    /// Collect all that is known of a network in one file, without its secrets, or explain such a file.
    Bundle(bundle::BundleArgs),
    /// Draw the dashboards of a network as one HTML page, without Grafana.
    Dashboards(dashboards::DashboardsArgs),
    /// Print the URLs of a network as export lines.
    Env(env::EnvArgs),
    /// Write what somebody else needs to join a network with nodes of their own.
    Join(join::JoinArgs),
    /// Break a network on purpose, and see that it was broken and that it heals.
    Chaos(chaos::ChaosArgs),
    /// Show, add and remove validators: on L1 and their pods.
    Validators(validators::ValidatorsArgs),
    /// Manage the clusters on this machine.
    Cluster(cluster::ClusterArgs),
    /// Build and list the container images.
    Images(images::ImagesArgs),
    /// Write the Helm charts to a folder.
    Charts(charts::ChartsArgs),
    /// Check this machine for missing requirements.
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
    /// Keep the URLs of a network open (started by `aznet env` and `aznet up`).
    #[command(hide = true)]
    Forward(forward::ForwardArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    /// `chaos` had no `--namespace`: a Role in one namespace did not suffice for it.
    #[test]
    fn every_verb_that_finds_a_network_on_a_cluster_takes_a_namespace() {
        use clap::CommandFactory;
        // Of the whole cluster, or told its namespace as an argument.
        const NONE: [&str; 7] = [
            "adopt",
            "doctor",
            "images load",
            "chaos install",
            "chaos uninstall",
            "cluster up",
            "cluster down",
        ];
        fn check(command: &clap::Command, above: &str) {
            let has = |id: &str| {
                command
                    .get_arguments()
                    .any(|arg| arg.get_long() == Some(id))
            };
            let name = format!("{above} {}", command.get_name());
            let name = name.trim_start();
            let wants = has("cluster") && !NONE.contains(&name);
            assert_eq!(wants, has("namespace"), "{name}");
            command.get_subcommands().for_each(|one| check(one, name));
        }
        let command = Cli::command();
        let visible = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        visible.for_each(|verb| check(verb, ""));
    }

    /// clap wraps paragraphs, but not what is to be copied.
    #[test]
    fn examples_fit_80_columns_and_paragraphs_are_one_line() {
        use clap::CommandFactory;
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                let (name, indented) = (command.get_name(), line.starts_with(' '));
                assert!(!indented || line.chars().count() <= 80, "{name}: {line}");
                let whole = line.is_empty() || line.ends_with(['.', ':']);
                assert!(indented || whole, "{name}: {line}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    fn error_of(arguments: &[&str]) -> String {
        // As the value comes from the variable: clap says the same of both.
        let error = Cli::try_parse_from(["aznet", "plan", "--memory", "lots"]);
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        blamed(error.expect_err("no size"), &arguments).to_string()
    }

    #[test]
    fn a_variable_is_named_for_its_own_value() {
        let variable = error_of(&["aznet", "plan"]);
        assert!(variable.contains("'lots' for 'AZNET_MEMORY'"), "{variable}");
        for own in [["--memory", "lots"].as_slice(), &["--memory=lots"]] {
            let flag = error_of(own);
            assert!(flag.contains("for '--memory <SIZE>'"), "{flag}");
        }
    }
}
