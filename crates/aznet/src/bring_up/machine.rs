//! The first step: a machine that can do it.

use aznet_cluster::machine::finding::Finding;
use aznet_cluster::machine::programs::Work;
use aznet_cluster::machine::{doctor, install};
use aznet_cluster::parts::images;
use aznet_cluster::provider::kind;

use crate::context::Context;
use crate::failure::Failure;
use crate::steps::{Steps, reporter};

/// Looks for what clusters of kind need.
pub(crate) async fn ready_for_kind(context: &Context, steps: &Steps) -> anyhow::Result<()> {
    let step = steps.begin("machine", "looking for Docker or Podman");
    let missing = missing(kind::check(context.interrupt.token()).await);
    if !missing.is_empty() {
        step.abandon();
        return Err(Failure::NotForKind(missing).into());
    }
    steps.end(&step, "meets all requirements of kind");
    Ok(())
}

fn missing(findings: Vec<Finding>) -> Vec<Finding> {
    let missing = findings.into_iter().filter(|finding| !finding.ok());
    missing.collect()
}

/// Looks at the machine, and installs what it lacks where that is allowed.
pub(crate) async fn ready(context: &Context, steps: &Steps) -> anyhow::Result<()> {
    let step = steps.begin("machine", "looking at this machine");
    let cancel = context.interrupt.token();
    let look = async {
        let compile = images::need_compiler(&context.paths, &context.source)?;
        let work = if compile { Work::Compile } else { Work::Run };
        let findings = doctor::check(&context.paths, work, cancel).await;
        if findings.iter().all(Finding::ok) || !nix::unistd::geteuid().is_root() {
            return anyhow::Ok((findings, Vec::new()));
        }
        let (what, next) = install::LEFT_WHEN_KILLED;
        context.interrupt.leaves(what, next);
        let installed = install::fix(&reporter(&step), cancel).await?;
        Ok((doctor::check(&context.paths, work, cancel).await, installed))
    };
    let (findings, installed) = look.await.inspect_err(|_| step.abandon())?;
    let missing = missing(findings);
    if !missing.is_empty() {
        step.abandon();
        return Err(Failure::Machine(missing).into());
    }
    steps.end(
        &step,
        match installed.as_slice() {
            [] => "meets all requirements".to_owned(),
            packages => format!("installed {}", packages.join(", ")),
        },
    );
    Ok(())
}
