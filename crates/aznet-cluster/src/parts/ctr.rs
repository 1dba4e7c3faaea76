//! Images of a running cluster: what it lacks is imported from archives.

use std::collections::HashSet;
use std::path::Path;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::layout::Layout;
use super::spec::{Archive, Binaries, Images};
use crate::wait::{self, Look, Patience};

/// Imports what is missing; tells `each` before every import.
pub(crate) async fn missing(
    layout: &Layout,
    binaries: &Binaries,
    images: &Images,
    cancel: &CancellationToken,
    each: impl Fn(&Archive),
) -> Result<(), Error> {
    let ctr = Ctr {
        program: &binaries.find("ctr")?,
        socket: &layout.containerd_socket(),
    };
    let there = wait::until(
        "containerd's answer",
        Patience::seconds(60),
        cancel,
        || async {
            Ok::<_, Error>(match ctr.images().await {
                Ok(there) => Look::Done(there),
                Err(error) => Look::Pending(error.to_string()),
            })
        },
    )
    .await?;
    for archive in images
        .archives
        .iter()
        .filter(|archive| !there.contains(&archive.image))
    {
        if !archive.path.exists() {
            return Err(absent(layout, &archive.image));
        }
        each(archive);
        let import = ctr.import(&archive.path);
        tokio::select! {
            outcome = import => outcome?,
            () = cancel.cancelled() => {
                let what = format!("the import of {}", archive.image);
                return Err(wait::WaitError::Cancelled { what }.into());
            }
        }
    }
    let there = ctr.images().await?;
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

struct Ctr<'a> {
    program: &'a Path,
    socket: &'a Path,
}

impl Ctr<'_> {
    async fn images(&self) -> Result<HashSet<String>, Error> {
        let list = self.run(&["images", "list", "--quiet"], None).await?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    async fn import(&self, archive: &Path) -> Result<(), Error> {
        let args = [
            "images",
            "import",
            "--all-platforms",
            "--snapshotter",
            "overlayfs",
        ];
        self.run(&args, Some(archive)).await.map(drop)
    }

    async fn run(&self, args: &[&str], file: Option<&Path>) -> Result<String, Error> {
        let command = format!("ctr {}", args.join(" "));
        let output = Command::new(self.program)
            .args(["--namespace", "k8s.io", "--address"])
            .arg(self.socket)
            .args(args)
            .args(file)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Error::kernel(command.as_str()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Error::Command {
            command,
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
