//! buildah, with a storage of its own in the cache: nobody's images are touched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aznet_kit::files::{self, Access, FileError};
use aznet_kit::process::{ProcessError, Tool};
use tokio_util::sync::CancellationToken;

use super::error::ImageError;
use super::image::Image;
use crate::machine::programs;
use crate::paths::Paths;
use crate::progress::Task;

/// Images here are our own; there is nothing to verify.
const POLICY: &str = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
/// Where Debian and its kin keep the certificates they trust.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where a build finds them, out of the way of the image's own.
pub(super) const SHARED_CERTIFICATES: &str = "/run/aznet/certificates.crt";

/// Questions and small changes; the storage may be locked by another build meanwhile.
const SOON: Duration = Duration::from_mins(5);
/// Builds and copies of whole images: an npm tree through a slow registry takes the longest.
const LONGEST: Duration = Duration::from_hours(1);

/// Names of mounted containers: this, and the process.
const MOUNTED: &str = "mounted-";

/// Where layers and containers are kept (`--root`).
pub fn storage(paths: &Paths) -> PathBuf {
    paths.images().join("storage")
}

/// Where their mounts are counted (`--runroot`): one folder for all that share a storage, and a new one after a
/// reboot, which ends the mounts.
///
/// # Errors
/// When the kernel does not tell which boot this is.
pub fn mounts(paths: &Paths) -> Result<PathBuf, FileError> {
    let boot = files::read(Path::new("/proc/sys/kernel/random/boot_id"))?;
    Ok(paths.images().join(format!("mounts-{}", boot.trim())))
}

/// What a container is called whose files this process uses while it runs.
pub fn mounted() -> String {
    format!("{MOUNTED}{}", std::process::id())
}

/// The variable that names a folder of Docker's settings, if no login is in that: buildah takes it for an error, also where
/// it asks no registry. Without it buildah goes by the user's home.
pub fn login_missing() -> Option<&'static str> {
    const FOLDER: &str = "DOCKER_CONFIG";
    let folder = std::env::var_os(FOLDER)?;
    (!Path::new(&folder).join("config.json").exists()).then_some(FOLDER)
}

/// Whether the process that has the container mounted still runs.
fn is_mounted(container: &str) -> bool {
    let pid = container.strip_prefix(MOUNTED);
    let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
    pid.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
}

pub(super) struct Buildah<'a> {
    storage: PathBuf,
    run: PathBuf,
    policy: PathBuf,
    npm_cache: PathBuf,
    task: &'a Task,
    cancel: &'a CancellationToken,
}

impl<'a> Buildah<'a> {
    pub(super) fn new(
        paths: &Paths,
        task: &'a Task,
        cancel: &'a CancellationToken,
    ) -> Result<Self, ImageError> {
        let images = paths.images();
        let this = Self {
            storage: storage(paths),
            run: mounts(paths)?,
            policy: images.join("signature-policy"),
            npm_cache: images.join("npm-cache"),
            task,
            cancel,
        };
        for folder in [&this.storage, &this.run, &this.npm_cache] {
            files::make_dir(folder, Access::Shared)?;
        }
        files::write(&this.policy, POLICY, Access::Shared)?;
        Ok(this)
    }

    pub(super) fn cancel(&self) -> &CancellationToken {
        self.cancel
    }

    fn tool(&self, verb: &str) -> Tool {
        let tool = match login_missing() {
            Some(variable) => Tool::new("buildah").without_env(variable),
            None => Tool::new("buildah"),
        };
        tool.arg("--root")
            .arg(&self.storage)
            .arg("--runroot")
            .arg(&self.run)
            .args(["--storage-driver", "overlay", verb])
            .shares_files()
            // Temporary copies of whole images do not belong in a small /tmp.
            .env("TMPDIR", &self.storage)
    }

    /// Runs what takes long.
    async fn run(&self, message: &str, tool: Tool) -> Result<String, ProcessError> {
        self.task.run(message, tool, LONGEST, self.cancel).await
    }

    /// Removes working containers that interrupted builds have left, and none that a process that runs has mounted.
    pub(super) async fn remove_containers(&self) -> Result<(), ImageError> {
        let failed = || self.making("room for a new image");
        let list = self
            .tool("containers")
            .args(["--noheading", "--format", "{{.ContainerName}}"]);
        let names = list.output(SOON, self.cancel).await.map_err(failed())?;
        let names = names.lines().map(str::trim);
        let left: Vec<&str> = names
            .filter(|name| !name.is_empty() && !is_mounted(name))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let removed = self.tool("rm").args(left).output(SOON, self.cancel).await;
        removed.map(drop).map_err(failed())
    }

    /// Whether an image is in the storage.
    pub(super) async fn has(&self, name: &str) -> Result<bool, ImageError> {
        let tool = self.tool("images").args(["--quiet", name]);
        match tool.output(SOON, self.cancel).await {
            Ok(_) => Ok(true),
            Err(ProcessError::Failed { .. }) => Ok(false),
            Err(error) => Err(self.making(name)(error)),
        }
    }

    /// Builds an image from a folder that holds its Containerfile.
    pub(super) async fn build(
        &self,
        name: &str,
        args: &[(&str, String)],
        folder: &Path,
    ) -> Result<(), ImageError> {
        let tool = self
            .tool("build")
            .args(["--isolation", "chroot", "--network", "host"])
            .args(["--format", "oci", "--pull-never", "--tag", name])
            .arg("--signature-policy")
            .arg(&self.policy)
            .args(self.volumes())
            .args(
                args.iter()
                    .map(|(key, value)| format!("--build-arg={key}={value}")),
            )
            .arg("--file")
            .arg(folder.join("Containerfile"))
            .arg(folder);
        self.run("building", tool)
            .await
            .map(drop)
            .map_err(self.making(name))
    }

    /// What a build on this machine may use of it: trusted certificates, npm's settings and its cache.
    fn volumes(&self) -> Vec<String> {
        let home = programs::home().unwrap_or_default();
        let shared = [
            (PathBuf::from(CERTIFICATES), SHARED_CERTIFICATES, "ro"),
            (home.join(".npmrc"), "/root/.npmrc", "ro"),
            (self.npm_cache.clone(), "/root/.npm", "rw"),
        ];
        shared
            .iter()
            .filter(|(path, ..)| path.exists())
            .map(|(path, place, mode)| format!("--volume={}:{place}:{mode}", path.display()))
            .collect()
    }

    /// Writes an image to a folder. Unlike to an OCI layout, buildah can be kept from compressing layers there.
    pub(super) async fn push(&self, name: &str, folder: &Path) -> Result<(), ImageError> {
        let tool = self
            .tool("push")
            .args(["--quiet", "--disable-compression", "--format", "oci"])
            .arg("--signature-policy")
            .arg(&self.policy)
            .arg(name)
            .arg(format!("dir:{}", folder.display()));
        let pushed = self.run("writing the archive", tool).await;
        pushed.map(drop).map_err(self.making(name))
    }

    /// Reads an image from the folder `layout` of `parent`, in OCI layout.
    pub(super) async fn pull(
        &self,
        parent: &Path,
        layout: &str,
        tag: &str,
        name: &str,
    ) -> Result<(), ImageError> {
        // buildah makes a name of the path, which is refused if there is a capital in it: the path is kept short.
        let tool = self
            .tool("pull")
            .dir(parent)
            .arg("--quiet")
            .arg("--signature-policy")
            .arg(&self.policy)
            .arg(format!("oci:{layout}:{tag}"));
        let message = format!("unpacking {name}");
        let id = self.run(&message, tool).await;
        let id = id.map_err(self.making(name))?;
        self.tag(id.trim(), name).await
    }

    /// Writes an image, pulled from its registry unless it is in the storage, to an archive in OCI layout.
    pub(super) async fn fetch(&self, name: &str, archive: &Path) -> Result<(), ImageError> {
        let had = self.has(name).await?;
        if !had {
            let tool = self
                .tool("pull")
                .arg("--quiet")
                .arg("--signature-policy")
                .arg(&self.policy)
                .arg(format!("docker://{name}"));
            let pulled = self.run(&format!("pulling {name}"), tool).await;
            pulled.map_err(self.making(name))?;
        }
        let tool = self
            .tool("push")
            .args(["--quiet", "--format", "oci"])
            .arg("--signature-policy")
            .arg(&self.policy)
            .arg(name)
            .arg(format!("oci-archive:{}:{name}", archive.display()));
        let pushed = self.run("writing the archive", tool).await;
        pushed.map(drop).map_err(self.making(name))?;
        if !had {
            self.forget(name).await;
        }
        Ok(())
    }

    /// Writes an image to an archive as `docker save` does.
    pub(super) async fn save(&self, name: &str, archive: &Path) -> Result<(), ImageError> {
        let tool = self
            .tool("push")
            .arg("--quiet")
            .arg("--signature-policy")
            .arg(&self.policy)
            .arg(name)
            .arg(format!("docker-archive:{}:{name}", archive.display()));
        let pushed = self.run("writing the archive", tool).await;
        pushed.map(drop).map_err(self.making(name))
    }

    /// Copies an image to a registry, with the credentials that Docker and its kin keep for it.
    pub(super) async fn publish(
        &self,
        name: &str,
        target: &str,
        plain_http: bool,
    ) -> Result<(), ImageError> {
        let tool = self
            .tool("push")
            .args(["--quiet", "--format", "oci"])
            .arg(format!("--tls-verify={}", !plain_http))
            .arg("--signature-policy")
            .arg(&self.policy)
            .arg(name)
            .arg(format!("docker://{target}"));
        let pushed = self.run(&format!("to {target}"), tool).await;
        pushed.map(drop).map_err(|source| match source {
            ProcessError::Failed { .. } => ImageError::NotPushed {
                target: target.to_owned(),
                source,
            },
            other => self.making(target)(other),
        })
    }

    /// Gives an image another name.
    pub(super) async fn tag(&self, image: &str, name: &str) -> Result<(), ImageError> {
        let tool = self.tool("tag").args([image, name]);
        let tagged = tool.output(SOON, self.cancel).await;
        tagged.map(drop).map_err(self.making(name))
    }

    /// Makes an image of one layer from a tar file.
    pub(super) async fn import(&self, tar: &Path, name: &str) -> Result<(), ImageError> {
        let folder = tar.parent().unwrap_or(Path::new("/"));
        let text = format!(
            "FROM scratch\nADD {} /\n",
            tar.file_name().unwrap_or_default().to_string_lossy()
        );
        let path = folder.join("Containerfile");
        files::write(&path, text, Access::Shared)?;
        self.build(name, &[], folder).await
    }

    /// Forgets earlier builds of an image, and what was only there to build it.
    ///
    /// Nothing depends on it: what is missed now goes with the next build.
    pub(super) async fn tidy(&self, image: Image, kept: &[&str]) {
        let tool = self
            .tool("images")
            .args(["--noheading", "--format", "{{.Name}}:{{.Tag}}"]);
        let Ok(names) = tool.output(SOON, self.cancel).await else {
            return;
        };
        let mut prefixes = vec![
            format!("localhost/aznet/{image}:"),
            "localhost/layout:".into(),
        ];
        if image == Image::Aztec {
            prefixes.push("localhost/aznet/npm:".into());
            let _unused = files::remove_dir(&self.npm_cache);
        }
        let names = names.lines().map(str::trim).filter(|name| {
            !kept.contains(name) && prefixes.iter().any(|prefix| name.starts_with(prefix))
        });
        for name in names {
            self.forget(name).await;
        }
        self.forget("--prune").await;
    }

    async fn forget(&self, what: &str) {
        if let Err(error) = self.tool("rmi").arg(what).output(SOON, self.cancel).await {
            tracing::debug!(%what, %error, "stays in buildah's storage");
        }
    }

    fn making(&self, what: &str) -> impl FnOnce(ProcessError) -> ImageError + use<> {
        ImageError::making(what, &self.storage, 4 << 30)
    }
}
