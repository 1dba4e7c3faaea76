//! The packages of `packages.txt`, unpacked: npm is asked once for each build folder, and what it brings is held against the pins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};

const PINS: &str = include_str!("packages.txt");

/// Where they are, one folder each.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("published");
    fs::create_dir_all(&place).expect("a folder of the build");
    let pins = PINS.lines().filter(|line| !line.starts_with('#'));
    let pins: Vec<Pin> = pins.map(Pin::of).collect();
    let missing: Vec<&Pin> = pins
        .iter()
        .filter(|pin| !place.join(&pin.folder).is_dir())
        .collect();
    if !missing.is_empty() {
        fetch(&missing, &place);
    }
    for pin in missing {
        pin.unpack(&place);
    }
    place
});

/// A package.
struct Pin {
    name: &'static str,
    version: &'static str,
    integrity: &'static str,
    folder: String,
}

impl Pin {
    fn of(line: &'static str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let &[name, version, integrity] = words.as_slice() else {
            panic!("packages.txt: {line}");
        };
        Self {
            name,
            version,
            integrity,
            folder: folder(name, version),
        }
    }

    /// What npm calls its archive.
    fn archive(&self) -> String {
        let name = self.name.trim_start_matches('@').replace('/', "-");
        format!("{name}-{}.tgz", self.version)
    }

    /// The folder appears when it is complete.
    fn unpack(&self, place: &Path) {
        let archive = fs::read(place.join(self.archive())).expect("npm has brought it");
        let hash = format!("sha512-{}", STANDARD.encode(Sha512::digest(&archive)));
        assert_eq!(hash, self.integrity, "{} {}", self.name, self.version);
        let staging = tempfile::tempdir_in(place).expect("a folder of the build");
        let mut files = tar::Archive::new(GzDecoder::new(archive.as_slice()));
        files.unpack(staging.path()).expect("an archive");
        // All is in one folder, `package` mostly.
        let mut inside = fs::read_dir(staging.path()).expect("what was unpacked");
        let inside = inside.next().expect("a folder").expect("an entry").path();
        fs::rename(inside, place.join(&self.folder)).expect("a folder of the build");
    }
}

fn folder(name: &str, version: &str) -> String {
    format!("{}@{version}", name.replace('/', "+"))
}

fn fetch(packages: &[&Pin], place: &Path) {
    let specs = packages
        .iter()
        .map(|pin| format!("{}@{}", pin.name, pin.version));
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"])
        .arg(place)
        .args(specs)
        .current_dir(place);
    let output = npm.output().expect("npm starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "npm pack: {words}");
}

/// The folder of a package.
pub(crate) fn package(name: &str, version: &str) -> PathBuf {
    let folder = PLACE.join(folder(name, version));
    assert!(folder.is_dir(), "{name} {version} is not in packages.txt");
    folder
}

/// A file of a package.
pub(crate) fn read(name: &str, version: &str, file: &str) -> String {
    let path = package(name, version).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
