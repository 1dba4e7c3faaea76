//! Whether the images of a network are on a cluster that pulls none.

use std::collections::BTreeSet;

use aznet_cluster::parts::reference;
use aznet_network::deploy::{self, Chart};

use super::cluster::Ready;
use crate::context::Context;
use crate::failure::Failure;

/// Every image of the chart must be on the nodes of a cluster that pulls none.
pub(super) async fn check(
    name: &str,
    chart: &Chart<'_>,
    ready: &Ready,
    context: &Context,
) -> anyhow::Result<()> {
    let (choice, cancel) = (&ready.choice, context.interrupt.token());
    let Some(there) = choice.images(&context.paths, cancel).await? else {
        return Ok(());
    };
    let wanted = deploy::images(name, chart, cancel).await?;
    let missing = lacking(wanted, &there);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::NoImages {
        cluster: choice.to_string(),
        missing,
        there: there.into_iter().collect(),
    }
    .into())
}

/// Those of `wanted` that are not there.
fn lacking(wanted: BTreeSet<String>, there: &BTreeSet<String>) -> Vec<String> {
    let is_there =
        |image: &String| there.contains(image) || there.contains(&reference::full(image));
    wanted
        .into_iter()
        .filter(|image| !is_there(image))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_there_under_its_full_name_too() {
        let there = ["docker.io/library/a:1", "localhost/b:2"].map(str::to_owned);
        let wanted = ["a:1", "localhost/b:2", "a:2"].map(str::to_owned);
        assert_eq!(lacking(wanted.into(), &there.into()), ["a:2"]);
    }
}
