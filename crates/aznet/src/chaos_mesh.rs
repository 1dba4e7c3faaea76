//! Chaos Mesh on a cluster, for whoever needs it: `aznet chaos`, and tests of faults.

use aznet_chaos::mesh::{Mesh, Parts};
use aznet_cluster::parts::images::Image;
use aznet_cluster::provider::{Provider, embedded, kind};

use crate::bring_up::cluster::{self, Ready};
use crate::bring_up::parts::{self, Extent};
use crate::context::Context;
use crate::failure::Failure;
use crate::steps::{Steps, reporter};

/// The release series of Chaos Mesh whose objects the chart renders.
const SERIES: &str = "2.8";
/// What a Chaos Mesh that was built from source calls itself.
const UNRELEASED: &str = "0.0.0";

/// Whether the objects of a version are known to be those that the chart renders.
fn is_known(version: &str) -> bool {
    let rest = version.trim_start_matches('v').strip_prefix(SERIES);
    version == UNRELEASED || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The cluster with Chaos Mesh on it. One of the user's own has it already.
pub(crate) async fn ready(
    context: &Context,
    steps: &Steps,
    choice: &Provider,
) -> anyhow::Result<Ready> {
    let (socket, built) = match choice {
        Provider::Embedded(name) => {
            let kubernetes = parts::kubernetes(context, choice, None)?;
            let socket = embedded::containerd_socket(&context.paths, name)?;
            let built = parts::ready(context, steps, Extent::CHAOS, kubernetes).await?;
            (socket, built)
        }
        Provider::Kind(choice) => {
            let extent = Some(Extent::CHAOS);
            let built = Box::pin(parts::for_kind(context, steps, choice, extent)).await?;
            (kind::CONTAINERD_SOCKET.into(), built)
        }
        Provider::Context(_) => return existing(context, choice).await,
    };
    let ready = cluster::attach(context, choice).await?;
    let step = steps.begin("chaos", "looking for Chaos Mesh");
    let (report, cancel) = (reporter(&step), context.interrupt.token());
    let install = async {
        let images = built.images();
        choice
            .load_images(&context.paths, images, &report, cancel)
            .await?;
        step.say("waiting for Chaos Mesh");
        let image = |image| images.get(image).reference.as_str();
        let parts = Parts {
            chart: &built.chaos_mesh_chart(),
            controller: image(Image::ChaosMesh),
            daemon: image(Image::ChaosDaemon),
            pause: image(Image::Pause),
            socket: &socket,
        };
        anyhow::Ok(mesh(&ready).ensure(&parts, cancel).await?)
    };
    let new = install.await.inspect_err(|_| step.abandon())?;
    let words = if new { "is installed" } else { "is there" };
    steps.end(&step, format!("Chaos Mesh {words}"));
    Ok(ready)
}

/// One of the user's own has it already, of a release that is known here.
async fn existing(context: &Context, choice: &Provider) -> anyhow::Result<Ready> {
    let ready = cluster::attach(context, choice).await?;
    let cluster = choice.to_string();
    if !mesh(&ready).is_there().await? {
        return Err(Failure::NoChaosMesh { cluster }.into());
    }
    match mesh(&ready).version().await? {
        Some(seen) if !is_known(&seen) => Err(Failure::OtherChaosMesh {
            cluster,
            seen,
            expected: SERIES,
        }
        .into()),
        _ => Ok(ready),
    }
}

/// What installs and removes it on the cluster.
pub(crate) fn mesh(ready: &Ready) -> Mesh<'_> {
    Mesh {
        client: &ready.client,
        helm: &ready.helm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_series_of_chaos_mesh_is_not_taken_for_ours() {
        for (version, known) in [
            ("2.8.4", true),
            ("v2.8.0", true),
            ("0.0.0", true),
            ("2.7.2", false),
            ("2.80.1", false),
        ] {
            assert_eq!(is_known(version), known, "{version}");
        }
    }
}
