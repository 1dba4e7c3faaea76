//! `aznet env [NAME]`.

use anyhow::Context as _;
use aznet_network::clients::admin::{self, AdminKey};
use aznet_network::namespace::Network;
use aznet_network::observe::pods;
use clap::Args;

use crate::args::{ClusterArg, NamespaceArg, OutputArgs};
use crate::clusters::{self, Meant};
use crate::context::Context;
use crate::exit::Exit;
use crate::forwarder::{self, Urls};

const EXAMPLES: &str = "\
Examples:
  eval \"$(aznet env)\"
  curl -s $AZTEC_NODE_URL/status
  aznet env small -o json | jq -r .PXE_URL
  eval \"$(aznet env --admin-key)\"
  curl -s $AZTEC_ADMIN_URL -H \"x-api-key: $AZTEC_ADMIN_API_KEY\" \\
    -H 'content-type: application/json' \\
    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nodeAdmin_getConfig\"}'

The URLs are on this machine's loopback, and stay open until `aznet down`.
Nodes of Aztec 5.2 and 6.0 have aztecAdmin_getConfig instead.";

/// Arguments of `aznet env`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EnvArgs {
    /// Name of the network (default: the only one there is).
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Also print the admin API key, a secret that requests to AZTEC_ADMIN_URL must send as the header x-api-key.
    #[arg(long)]
    pub admin_key: bool,
    /// Where to look.
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// In which namespace.
    #[command(flatten)]
    pub namespace: NamespaceArg,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the URLs, and sees to it that they are open.
pub async fn run(args: &EnvArgs, context: &Context) -> anyhow::Result<Exit> {
    let networks = clusters::networks(
        context,
        args.cluster.cluster.as_ref(),
        Meant::One(args.name.as_deref()),
    )
    .await?;
    let (choice, network) = networks.open(args.name.as_deref())?;
    let mut lines = forwarder::urls(context, &choice, &network, network.info().port_base).await?;
    if args.admin_key {
        let key = admin_key(&network).await?;
        lines.insert("AZTEC_ADMIN_API_KEY".to_owned(), key.reveal().to_owned());
    }
    context.printer.result(&lines, |lines, _| export(lines))?;
    Ok(Exit::Ok)
}

/// The key of the network's admin API; the nodes of a network share it.
async fn admin_key(network: &Network) -> anyhow::Result<AdminKey> {
    let pods = pods::list(network).await?;
    let name = network.name();
    let node = pods.iter().find(|pod| pod.role.is_node());
    let node =
        node.with_context(|| format!("network `{name}` has no node, and so no admin API"))?;
    let key = admin::key(network, &node.name).await?;
    key.with_context(|| {
        format!(
            "pod {} of network `{name}` is not given its admin key by a Secret",
            node.name
        )
    })
}

/// Lines for `eval` in a shell. URLs of loopback ports need no quotes; a key that someone made up may.
fn export(lines: &Urls) -> String {
    let quoted = |value: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_".contains(c);
        if value.chars().all(plain) {
            return value.to_owned();
        }
        format!("'{}'", value.replace('\'', r"'\''"))
    };
    lines
        .iter()
        .map(|(name, value)| format!("export {name}={}", quoted(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_a_shell_would_read_is_quoted() {
        let line = |value: &str| export(&Urls::from([("A".to_owned(), value.to_owned())]));
        assert_eq!(line("http://127.0.0.1:80"), "export A=http://127.0.0.1:80");
        assert_eq!(line("it's $x"), r"export A='it'\''s $x'");
    }
}
