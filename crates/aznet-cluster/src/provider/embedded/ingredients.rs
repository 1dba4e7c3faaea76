//! From what is built to what a cluster is made of: the programs and images of the cache, in the shape that
//! [`super::up()`] takes.

use std::path::{Path, PathBuf};

use super::spec::{Archive, Binaries, Images};
use crate::parts::images::{Built, Image, ImageSet};
use crate::parts::toolchain::{Group, Program, Toolchain};

/// Where Debian and Ubuntu put the CNI plugins.
const CNI: &str = "/usr/lib/cni";
/// Where systems keep their programs.
const SYSTEM: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

impl Binaries {
    /// The programs of a cluster: the toolchain's first, then the system's.
    pub fn of(toolchain: &Toolchain) -> Self {
        let mut search: Vec<PathBuf> = Vec::new();
        for program in Group::ALL.iter().flat_map(|group| group.programs()) {
            let folder = toolchain.path(*program).parent().map(Path::to_owned);
            search.extend(folder.filter(|folder| !search.contains(folder)));
        }
        search.extend(SYSTEM.map(PathBuf::from));
        Self {
            search,
            cni: CNI.into(),
            kubernetes: toolchain.version(Program::KubeApiserver).to_owned(),
        }
    }
}

impl Images {
    /// The images that a cluster starts with, and the store that has them unpacked.
    pub fn of(set: &ImageSet, store: &Path) -> Self {
        let name = |image| set.get(image).reference.clone();
        let archive = |built: &Built| Archive {
            image: built.reference.clone(),
            path: built.archive.clone(),
        };
        Self {
            store: store.to_owned(),
            pause: name(Image::Pause),
            coredns: name(Image::Coredns),
            base: name(Image::Base),
            archives: set.iter().map(archive).collect(),
        }
    }
}
