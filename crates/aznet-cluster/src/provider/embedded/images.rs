//! Images of a running cluster: what it lacks is imported from archives.

use aznet_kit::wait::Deadline;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::layout::Layout;
use super::spec::{Archive, Binaries, Images};
use crate::parts::ctr::Ctr;

/// Imports what is missing; tells `each` before every import.
pub(crate) async fn import_missing(
    layout: &Layout,
    binaries: &Binaries,
    images: &Images,
    cancel: &CancellationToken,
    each: impl Fn(&Archive),
) -> Result<(), Error> {
    let ctr = Ctr::new(binaries.find("ctr")?, layout.containerd_socket());
    ctr.ready(Deadline::seconds(60), cancel, ToString::to_string)
        .await?;
    let there = ctr.images(cancel).await?;
    let missing = |archive: &&Archive| !there.contains(&archive.image);
    for archive in images.archives.iter().filter(missing) {
        if !archive.path.exists() {
            return Err(absent(layout, &archive.image));
        }
        each(archive);
        ctr.import(&archive.path, cancel).await?;
    }
    let there = ctr.images(cancel).await?;
    let needed = [&images.pause, &images.coredns, &images.base];
    match needed.into_iter().find(|image| !there.contains(*image)) {
        Some(image) => Err(absent(layout, image)),
        None => Ok(()),
    }
}

fn absent(layout: &Layout, image: &str) -> Error {
    Error::ImageMissing {
        name: layout.name().to_owned(),
        image: image.to_owned(),
    }
}
