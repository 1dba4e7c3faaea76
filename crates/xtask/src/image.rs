//! The files of a built image, mounted: programs of theirs can be run outside a cluster, with the C library they were made for.

use crate::run;
use anyhow::{Context, Result, bail};
use aznet_cluster::parts::images;
use aznet_cluster::paths::Paths;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Mounts what the program needs of the host below `$1`, in a mount namespace of its own, and becomes the program.
const ENTER: &str = r#"
root=$1 from=$2 to=$3; shift 3
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ -n "$from" ]; then mkdir -p "$root$to"; mount --bind "$from" "$root$to"; fi
exec chroot "$root" "$@"
"#;

/// The pxe image: Node.js, Aztec's packages, Foundry and the wallet server.
pub(crate) struct Mounted {
    container: String,
    root: PathBuf,
    /// Its variables, as `NAME=value`.
    env: Vec<String>,
}

/// The template by which buildah shows an image's variables, one a line.
const ENV: &str = "{{range .OCIv1.Config.Env}}{{println .}}{{end}}";

impl Mounted {
    /// Mounts the pxe image of this checkout.
    pub(crate) fn pxe(aznet: &Path) -> Result<Self> {
        let reference = reference(aznet, "pxe")?;
        let env = buildah(&["inspect", "--type", "image", "--format", ENV, &reference])?;
        let container = buildah(&[
            "from",
            "--pull-never",
            "--name",
            &images::mounted(),
            &reference,
        ])?;
        match buildah(&["mount", &container]) {
            Ok(root) => Ok(Self {
                container,
                root: root.into(),
                env: env.lines().map(ToOwned::to_owned).collect(),
            }),
            Err(error) => {
                buildah(&["rm", &container])?;
                Err(error)
            }
        }
    }

    /// Removes the mount. Not done on drop: it can fail.
    pub(crate) fn remove(self) -> Result<()> {
        buildah(&["rm", &self.container]).map(drop)
    }

    /// A program of the image that runs on the host's files.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A command inside the image with its variables and nothing of the caller's; `bind` shows a folder of the host's at a path of the image's.
    /// Network and process ids are the caller's, so that its process is the program.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        bind: Option<(&Path, &str)>,
        words: &[S],
    ) -> Command {
        let (from, to) = bind.unwrap_or((Path::new(""), ""));
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-ec",
                ENTER,
                "enter",
            ])
            .arg(&self.root)
            .arg(from)
            .arg(to)
            .args(["/usr/bin/env", "-i"])
            .args(&self.env)
            .args(words);
        command
    }
}

/// Name of this checkout's image, built if it is not current; the cache may hold images of others.
fn reference(aznet: &Path, name: &str) -> Result<String> {
    let built = run::command(aznet, &["images", "build", "-o", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("aznet could not be started")?;
    let built: Value =
        serde_json::from_slice(&built.stdout).context("`aznet images build -o json`")?;
    let entry = built
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["image"] == name);
    entry
        .and_then(|entry| entry["reference"].as_str())
        .map(ToOwned::to_owned)
        .with_context(|| format!("the image {name} is not among those built: {built}"))
}

/// Runs buildah on the storage that images are built in; returns what it printed.
fn buildah(words: &[&str]) -> Result<String> {
    let paths = Paths::from_env()?;
    let mut command = Command::new("buildah");
    if let Some(variable) = images::login_missing() {
        command.env_remove(variable);
    }
    let output = command
        .arg("--root")
        .arg(images::storage(&paths))
        .arg("--runroot")
        .arg(images::mounts(&paths)?)
        .args(["--storage-driver", "overlay"])
        .args(words)
        .output()
        .context("buildah could not be started")?;
    if !output.status.success() {
        bail!(
            "`buildah {}`: {}\n{}",
            words.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
