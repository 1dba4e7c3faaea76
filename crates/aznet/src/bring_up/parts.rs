//! The second step: the programs and images that clusters and networks are made of. What is there already takes no time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aznet_cluster::parts::images::{self, Image, ImageSet};
use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::parts::store::{self, Store};
use aznet_cluster::parts::toolchain::{self, Group, Program, Settings, Toolchain};
use aznet_cluster::progress::{self, Reporter};
use aznet_cluster::provider::embedded::{self, Binaries, Images};
use aznet_cluster::provider::{Provider, Supplies, kind};
use aznet_kit::process::on_path;
use aznet_network::deploy::helm::Helm;
use futures::TryFutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::failure::Failure;
use crate::steps::{Steps, reporter};
use aznet_model::units::count;
use aznet_model::values::Values;

/// Which of the parts are wanted beside those that every cluster has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// What observes networks.
    pub(crate) telemetry: bool,
    /// What breaks them.
    pub(crate) chaos: bool,
    /// What tests them from within.
    pub(crate) jobs: bool,
}

impl Extent {
    pub(crate) const BASE: Self = Self {
        telemetry: false,
        chaos: false,
        jobs: false,
    };
    pub(crate) const TELEMETRY: Self = Self {
        telemetry: true,
        ..Self::BASE
    };
    pub(crate) const CHAOS: Self = Self {
        chaos: true,
        ..Self::BASE
    };

    /// What a network of these values takes.
    pub(crate) fn of(values: &Values) -> Self {
        Self {
            telemetry: values.telemetry.collects(),
            jobs: values.soak.enabled,
            ..Self::BASE
        }
    }

    fn groups(self) -> Vec<Group> {
        let all: BTreeSet<_> = Group::ALL.into_iter().chain(self.more()).collect();
        all.into_iter().collect()
    }

    fn more(self) -> Vec<Group> {
        [
            pick(self.telemetry, &Group::TELEMETRY),
            pick(self.chaos, &Group::CHAOS),
            pick(self.jobs, &Group::JOBS),
        ]
        .concat()
    }

    fn images(self) -> Vec<Image> {
        [
            &Image::ALL,
            pick(self.telemetry, &Image::TELEMETRY),
            pick(self.chaos, &Image::CHAOS),
            pick(self.jobs, &Image::JOBS),
        ]
        .concat()
    }
}

fn pick<T>(wanted: bool, parts: &[T]) -> &[T] {
    if wanted { parts } else { &[] }
}

/// The programs and images that a cluster is made of.
pub(crate) struct Parts {
    toolchain: Toolchain,
    images: ImageSet,
    cluster: Body,
}

/// What the cluster itself is made of.
enum Body {
    Embedded(Store),
    Kind(kind::Supplies),
}

impl Parts {
    /// What a cluster is made of; `enforcer`: the folder with what enforces network policies.
    pub(crate) fn supplies(&self, network_policy: bool, enforcer: Option<PathBuf>) -> Supplies {
        match &self.cluster {
            Body::Kind(supplies) => Supplies::Kind(supplies.clone()),
            Body::Embedded(store) => {
                let mut binaries = Binaries::of(&self.toolchain);
                if let Some(folder) = enforcer {
                    binaries.search.insert(0, folder);
                }
                Supplies::Embedded {
                    binaries,
                    images: Images::of(&self.images, store.path()),
                    network_policy,
                }
            }
        }
    }

    /// Helm.
    pub(crate) fn helm(&self) -> Helm {
        Helm::new(self.toolchain.path(Program::Helm))
    }

    /// The folder of Chaos Mesh's own Helm chart, where [`Extent::chaos`] was asked for.
    pub(crate) fn chaos_mesh_chart(&self) -> PathBuf {
        self.toolchain.chaos_mesh_chart()
    }

    /// The images.
    pub(crate) fn images(&self) -> &ImageSet {
        &self.images
    }
}

/// Programs and images, built where they are missing.
pub(crate) async fn ready(
    context: &Context,
    steps: &Steps,
    extent: Extent,
    kubernetes: Minor,
) -> anyhow::Result<Parts> {
    context.interrupt.leaves(
        "what was built so far is kept",
        "run the same command to continue",
    );
    let source = &context.source;
    let paths = &context.paths;
    let step = steps.begin("images", "checking for images to build");
    let report = reporter(&step);
    let cancel = context.interrupt.token().child_token();
    let ahead = async { Ok(images::ahead(paths, source, &report, &cancel).await?) };
    let make = async {
        let groups = extent.groups();
        let programs = Box::pin(programs(context, steps, &groups, kubernetes, &cancel));
        let (toolchain, ()) = both(&cancel, programs, Box::pin(ahead)).await?;
        let wanted = extent.images();
        let images = images::ensure(paths, source, &toolchain, &wanted, &report, &cancel).await?;
        let store = store::ensure(paths, &images, &report, &cancel).await?;
        anyhow::Ok((toolchain, images, store))
    };
    let (toolchain, images, store) = Box::pin(make).await.inspect_err(|_| step.abandon())?;
    steps.end(&step, count(images.iter().count(), "image"));
    Ok(Parts {
        toolchain,
        images,
        cluster: Body::Embedded(store),
    })
}

/// An image of kind's nodes, for machines that reach no registry, and kind itself.
pub(crate) async fn node_of_kind(context: &Context, steps: &Steps) -> anyhow::Result<ImageSet> {
    on_base(context, steps, &Group::KIND_NODE, Image::KindNode).await
}

/// The image that jobs run in.
pub(crate) async fn for_jobs(context: &Context, steps: &Steps) -> anyhow::Result<ImageSet> {
    on_base(context, steps, &Group::JOBS, Image::Aznet).await
}

async fn on_base(
    context: &Context,
    steps: &Steps,
    groups: &[Group],
    image: Image,
) -> anyhow::Result<ImageSet> {
    let (source, paths, cancel) = (&context.source, &context.paths, context.interrupt.token());
    let toolchain = programs(context, steps, groups, Minor::default(), cancel).await?;
    let step = steps.begin("images", "checking for images to build");
    let report = reporter(&step);
    let wanted = [Image::Base, image];
    let images = images::ensure(paths, source, &toolchain, &wanted, &report, cancel);
    let images = images.await.inspect_err(|_| step.abandon())?;
    steps.end(&step, count(images.iter().count(), "image"));
    Ok(images)
}

/// kind, the image of its nodes, and, with an extent, the images of pods and Helm; built where they are missing.
pub(crate) async fn for_kind(
    context: &Context,
    steps: &Steps,
    choice: &kind::Choice,
    extent: Option<Extent>,
) -> anyhow::Result<Parts> {
    context.interrupt.leaves(
        "what was built so far is kept",
        "run the same command to continue",
    );
    let (source, paths, cancel) = (&context.source, &context.paths, context.interrupt.token());
    let engine = kind::Engine::find(cancel).await?;
    kind::check_choice(paths, &engine, choice, cancel).await?;
    let step = steps.begin("images", "looking for the image of kind's nodes");
    let report = reporter(&step);
    let make = async {
        let there = kind::node(&engine, paths, choice, &report, cancel).await?;
        let users = kind::on_path(cancel).await;
        let groups = groups_for_kind(extent, there.is_none(), users.is_none());
        let toolchain = programs(context, steps, &groups, Minor::default(), cancel).await?;
        let wanted = images_for_kind(extent, there.is_none());
        let images = images::ensure(paths, source, &toolchain, &wanted, &report, cancel).await?;
        let node = match there {
            Some(node) => node,
            None => kind::import(&engine, paths, &images, &report, cancel).await?,
        };
        let kind = users.unwrap_or_else(|| toolchain.path(Program::Kind));
        anyhow::Ok((toolchain, images, kind, node))
    };
    let (toolchain, images, kind, node) = Box::pin(make).await.inspect_err(|_| step.abandon())?;
    steps.end(&step, count(images.iter().count(), "image"));
    Ok(Parts {
        toolchain,
        images,
        cluster: Body::Kind(kind::Supplies { kind, engine, node }),
    })
}

/// The programs that a cluster of kind needs: `node`, what its nodes are made of; `kind`, kind itself.
fn groups_for_kind(extent: Option<Extent>, node: bool, kind: bool) -> Vec<Group> {
    let of_node: &[Group] = if node { &Group::KIND_NODE } else { &[] };
    let of_kind: &[Group] = if kind { &Group::KIND } else { &[] };
    let of_pods: &[Group] = match extent {
        Some(_) => &[Group::Versitygw, Group::Helm],
        None => &[],
    };
    let more = extent.map_or_else(Vec::new, Extent::more);
    let all = [of_node, of_kind, of_pods, &more].concat();
    BTreeSet::from_iter(all).into_iter().collect()
}

/// The images that it needs.
fn images_for_kind(extent: Option<Extent>, node: bool) -> Vec<Image> {
    let mut wanted = extent.map(Extent::images).unwrap_or_default();
    wanted.retain(|image| image.is_for_pods());
    if node && wanted.is_empty() {
        wanted.push(Image::Base);
    }
    if node {
        wanted.push(Image::KindNode);
    }
    wanted
}

/// The Kubernetes that the cluster is made of, or is to be made of; a cluster of the user's has one of its own.
pub(crate) fn kubernetes(
    context: &Context,
    choice: &Provider,
    asked: Option<Minor>,
) -> anyhow::Result<Minor> {
    match choice {
        Provider::Embedded(name) => Ok(embedded::kubernetes_of(&context.paths, name, asked)?),
        Provider::Kind(_) | Provider::Context(_) if asked.is_some() => {
            Err(Failure::NotOurKubernetes {
                cluster: choice.to_string(),
            }
            .into())
        }
        Provider::Kind(_) | Provider::Context(_) => Ok(Minor::default()),
    }
}

/// Runs both at once. When one fails the other is cancelled, and awaited so that it ends what it started.
async fn both<A, B>(
    cancel: &CancellationToken,
    one: impl Future<Output = anyhow::Result<A>>,
    other: impl Future<Output = anyhow::Result<B>>,
) -> anyhow::Result<(A, B)> {
    let failed = |error| {
        let first = !cancel.is_cancelled();
        cancel.cancel();
        (first, error)
    };
    let (one, other) = tokio::join!(one.map_err(failed), other.map_err(failed));
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(_), Err((true, error))) | (Err((_, error)), _) | (_, Err((_, error))) => Err(error),
    }
}

/// The folder with the programs that enforce network policies, built where they are missing.
pub(super) async fn enforcer(context: &Context, report: &Reporter) -> anyhow::Result<PathBuf> {
    let cancel = context.interrupt.token();
    let built = ensured(context, &Group::POLICY, Minor::default(), report, cancel).await;
    let felix = built
        .context("network policies can't be enforced")?
        .path(Program::Felix);
    Ok(felix.parent().map(Path::to_owned).unwrap_or_default())
}

/// The user's Helm, if there is one that can do what is asked of it.
async fn users_helm(context: &Context) -> Option<Helm> {
    let helm = Helm::new(on_path("helm")?);
    let suffices = helm.suffices(context.interrupt.token()).await;
    suffices.then_some(helm)
}

/// The user's Helm, else the toolchain's.
pub(super) async fn helm(context: &Context, steps: &Steps) -> anyhow::Result<Helm> {
    if let Some(helm) = users_helm(context).await {
        return Ok(helm);
    }
    let (groups, cancel) = ([Group::Helm], context.interrupt.token());
    let toolchain = programs(context, steps, &groups, Minor::default(), cancel).await?;
    Ok(Helm::new(toolchain.path(Program::Helm)))
}

/// The same without a word.
pub(super) async fn helm_silently(context: &Context) -> anyhow::Result<Helm> {
    if let Some(helm) = users_helm(context).await {
        return Ok(helm);
    }
    let (report, cancel) = (progress::silent(), context.interrupt.token());
    let toolchain = ensured(context, &[Group::Helm], Minor::default(), &report, cancel).await?;
    Ok(Helm::new(toolchain.path(Program::Helm)))
}

async fn programs(
    context: &Context,
    steps: &Steps,
    groups: &[Group],
    kubernetes: Minor,
    cancel: &CancellationToken,
) -> anyhow::Result<Toolchain> {
    let step = steps.begin("toolchain", "checking for programs to build");
    let toolchain = ensured(context, groups, kubernetes, &reporter(&step), cancel)
        .await
        .inspect_err(|_| step.abandon())?;
    let programs = groups.iter().map(|group| group.programs().len()).sum();
    steps.end(&step, count(programs, "program"));
    Ok(toolchain)
}

async fn ensured(
    context: &Context,
    groups: &[Group],
    kubernetes: Minor,
    report: &Reporter,
    cancel: &CancellationToken,
) -> anyhow::Result<Toolchain> {
    let settings = Settings {
        kubernetes,
        ..Settings::from_env()?
    };
    let (source, paths) = (&context.source, &context.paths);
    let ensured = toolchain::ensure(paths, source, &settings, groups, report, cancel).await;
    ensured.context("could not build the programs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_kind_takes_what_it_and_its_pods_need() {
        assert_eq!(images_for_kind(None, false), []);
        assert_eq!(groups_for_kind(None, false, false), []);
        let alone = [Image::Base, Image::KindNode];
        assert_eq!(images_for_kind(None, true), alone);
        let with_pods = images_for_kind(Some(Extent::BASE), true);
        assert!(with_pods.contains(&Image::Aztec) && !with_pods.contains(&Image::Coredns));
        let bases = with_pods.iter().filter(|image| **image == Image::Base);
        assert_eq!(
            (bases.count(), with_pods.last()),
            (1, Some(&Image::KindNode))
        );
        let groups = groups_for_kind(Some(Extent::BASE), true, true);
        let kinds = groups.iter().filter(|group| **group == Group::Kind);
        assert_eq!(kinds.count(), 1);
        assert!(groups.contains(&Group::Helm) && groups.contains(&Group::Kubeadm));
    }
}
