//! Images, for real. Needs root, and the toolchain in the cache: `aznet images build` puts it there.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use aznet_cluster::parts::images::{self, Built, Image, ImageError, ImageSet};
use aznet_cluster::parts::store;
use aznet_cluster::parts::toolchain::{self, Group, Settings, Toolchain};
use aznet_cluster::paths::Paths;
use aznet_cluster::progress::{self, Progress, Reporter};
use aznet_cluster::source::Source;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tokio_util::sync::CancellationToken;

/// What the tests share with the user: a toolchain that is there already.
struct Machine {
    paths: Paths,
    source: Source,
    toolchain: Toolchain,
}

impl Machine {
    async fn new() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("images are built by root only".into());
        }
        let paths = Paths::from_env().unwrap();
        let source = Source::at(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
        if images::list(&paths).unwrap().len() < Image::ALL.len() {
            return Err("no images in the cache; run `aznet images build`".into());
        }
        let (cancel, silent) = (CancellationToken::new(), progress::silent());
        let settings = Settings::from_env().unwrap();
        let toolchain =
            toolchain::ensure(&paths, &source, &settings, &Group::ALL, &silent, &cancel);
        let toolchain = toolchain.await.unwrap();
        Ok(Self {
            paths,
            source,
            toolchain,
        })
    }

    async fn ensure(
        &self,
        paths: &Paths,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<images::ImageSet, ImageError> {
        images::ensure(
            paths,
            &self.source,
            &self.toolchain,
            &Image::ALL,
            report,
            cancel,
        )
        .await
    }
}

/// Tells the harness too, which counts skipped tests by this file.
fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    if let Some(path) = env::var_os("AZNET_TEST_SKIPS") {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        writeln!(file, "images: {reason}").unwrap();
    }
}

macro_rules! machine_or_skip {
    () => {
        match Machine::new().await {
            Ok(machine) => machine,
            Err(reason) => return skip(&reason),
        }
    };
}

fn scratch(dir: &Path) -> Paths {
    Paths::new(dir.join("cache"), dir.join("state"), dir.join("run"))
}

/// Files anywhere under a folder whose names say that an image is there, or half of one.
fn left_over(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(".unfinished-") || name.starts_with("base-") {
            found.push(path);
        } else if path.is_dir() && name != "storage" {
            found.extend(left_over(&path));
        }
    }
    found
}

#[tokio::test]
async fn what_is_there_already_takes_no_time() {
    let machine = machine_or_skip!();
    let (cancel, silent) = (CancellationToken::new(), progress::silent());
    let first = machine
        .ensure(&machine.paths, &silent, &cancel)
        .await
        .unwrap();
    let store = store::ensure(&machine.paths, &first, &silent, &cancel)
        .await
        .unwrap();
    let before = written(&first);
    let again = machine
        .ensure(&machine.paths, &silent, &cancel)
        .await
        .unwrap();
    let same = store::ensure(&machine.paths, &again, &silent, &cancel)
        .await
        .unwrap();
    assert_eq!(written(&again), before, "an archive was written again");
    assert_eq!((first, store.path()), (again, same.path()));
}

/// When each archive was written.
fn written(images: &ImageSet) -> Vec<std::time::SystemTime> {
    let time = |built: &Built| {
        std::fs::metadata(&built.archive)
            .unwrap()
            .modified()
            .unwrap()
    };
    images.iter().map(time).collect()
}

#[tokio::test]
async fn a_full_disk_is_told_with_its_path_and_what_is_needed() {
    let machine = machine_or_skip!();
    let dir = tempfile::tempdir().unwrap();
    let small = Some("size=64m");
    mount(
        Some("tmpfs"),
        dir.path(),
        Some("tmpfs"),
        MsFlags::empty(),
        small,
    )
    .unwrap();
    let paths = scratch(dir.path());
    let outcome = machine
        .ensure(&paths, &progress::silent(), &CancellationToken::new())
        .await;
    let found = images::list(&paths).unwrap();
    umount2(dir.path(), MntFlags::MNT_DETACH).unwrap();
    let error = outcome.unwrap_err();
    assert!(matches!(error, ImageError::DiskFull { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("image pause needs about 768 MiB in "),
        "{text}"
    );
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
    assert_eq!(found, []);
}

#[tokio::test]
async fn an_interrupted_build_leaves_whole_images_only() {
    let machine = machine_or_skip!();
    let dir = tempfile::tempdir().unwrap();
    let paths = scratch(dir.path());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let report: Reporter = Arc::new(move |event: Progress| {
        if event.message.starts_with("installing Debian") && event.elapsed.as_secs() >= 3 {
            stop.cancel();
        }
    });
    let outcome = machine.ensure(&paths, &report, &cancel).await;
    assert!(
        matches!(outcome, Err(ImageError::Command { .. })),
        "{outcome:?}"
    );
    let images = images::list(&paths).unwrap();
    let names: Vec<Image> = images.iter().map(|built| built.image).collect();
    assert_eq!(names, [Image::Pause, Image::Coredns, Image::BlobStore]);
    assert_eq!(left_over(&paths.images()), Vec::<PathBuf>::new());
    let place = dir.path().display().to_string();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(
        !mounts.lines().any(|line| line.contains(&place)),
        "{mounts}"
    );
    let running = Command::new("pgrep")
        .args(["-f", &format!("debootstrap.*{place}")])
        .output();
    assert_eq!(String::from_utf8_lossy(&running.unwrap().stdout), "");
}

/// An archive for other clusters has each image whole: also the layers that it shares with one that is not asked for.
#[tokio::test]
async fn an_exported_archive_has_every_blob_that_its_images_name() {
    let machine = machine_or_skip!();
    let (cancel, silent) = (CancellationToken::new(), progress::silent());
    let set = machine.ensure(&machine.paths, &silent, &cancel).await;
    let set = set.unwrap();
    let dir = tempfile::tempdir_in(machine.paths.cache()).unwrap();
    let file = dir.path().join("images.tar");
    let which = [Image::Pxe, Image::AznetNode];
    let exported = images::export(&set, &which, &file, &silent).await.unwrap();
    let out = dir.path().join("out");
    tar::Archive::new(fs::File::open(&file).unwrap())
        .unpack(&out)
        .unwrap();

    let index = json(&out.join("index.json"));
    let listed = index["manifests"].as_array().unwrap();
    let name = "org.opencontainers.image.ref.name";
    let names: Vec<_> = listed.iter().map(|one| &one["annotations"][name]).collect();
    let expected: Vec<_> = exported.iter().map(|one| &one.reference).collect();
    assert_eq!(names, expected);
    let mut blobs = 0;
    for manifest in listed {
        let manifest = json(&blob(&out, manifest));
        let layers = manifest["layers"].as_array().unwrap();
        for part in layers.iter().chain([&manifest["config"]]) {
            let size = fs::metadata(blob(&out, part)).unwrap().len();
            assert_eq!(Some(size), part["size"].as_u64(), "{part}");
            blobs += 1;
        }
    }
    assert!(blobs > 4, "the pxe stands on two others: {blobs} parts");
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The file of what a descriptor names.
fn blob(layout: &Path, descriptor: &serde_json::Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap();
    layout.join("blobs").join(digest.replace(':', "/"))
}
