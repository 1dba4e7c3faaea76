//! The source tree: charts, networks, images, toolchain. In a checkout it is the checkout's; a program that runs
//! elsewhere brings a copy along.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use aznet_kit::files::{self, Access, FileError};
use flate2::read::GzDecoder;

/// A source tree of aznet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    root: PathBuf,
    origin: Origin,
}

/// Where a source tree comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A checkout, which someone may be changing.
    Checkout,
    /// The copy that the program brought along.
    Program,
}

/// The source tree that a program brings along.
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    /// Names the content.
    pub hash: &'static str,
    /// A compressed tar archive.
    pub archive: &'static [u8],
}

/// What marks the root of a source tree.
const MARK: &str = "toolchain/kubernetes/go.mod";

/// There is no source tree.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `AZNET_SOURCE` names something else.
    #[error("AZNET_SOURCE is {}, which is no checkout of aznet: it has no {MARK}", .0.display())]
    NotOne(PathBuf),
    /// The program's copy could not be unpacked.
    #[error("could not unpack the charts and images of this program")]
    Unpack(#[from] FileError),
}

impl Source {
    /// The checkout that `AZNET_SOURCE` names, else the nearest one above the working directory, else `pack`, unpacked
    /// below `cache`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn locate(cache: &Path, pack: &Pack) -> Result<Self, SourceError> {
        let named = env::var_os("AZNET_SOURCE").filter(|value| !value.is_empty());
        let cwd = env::current_dir().ok();
        match Self::checkout(named.map(PathBuf::from), cwd.as_deref())? {
            Some(checkout) => Ok(checkout),
            None => Self::unpacked(cache, pack),
        }
    }

    fn checkout(named: Option<PathBuf>, cwd: Option<&Path>) -> Result<Option<Self>, SourceError> {
        if let Some(root) = named {
            return Self::at(root).map(Some);
        }
        let above = cwd.into_iter().flat_map(Path::ancestors);
        Ok(above.into_iter().find_map(|dir| Self::at(dir).ok()))
    }

    /// The checkout at `root`.
    ///
    /// # Errors
    /// [`SourceError::NotOne`].
    pub fn at(root: impl Into<PathBuf>) -> Result<Self, SourceError> {
        let root = root.into();
        if !root.join(MARK).is_file() {
            return Err(SourceError::NotOne(root));
        }
        let origin = Origin::Checkout;
        Ok(Self { root, origin })
    }

    /// The program's copy; unpacked once per content.
    fn unpacked(cache: &Path, pack: &Pack) -> Result<Self, SourceError> {
        let root = cache.join("source").join(pack.hash);
        if !root.join(MARK).is_file() {
            unpack(pack, &root)?;
        }
        let origin = Origin::Program;
        Ok(Self { root, origin })
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The Helm charts.
    pub fn charts(&self) -> PathBuf {
        self.root.join("helm-charts")
    }

    /// Overlays of values, one file per network.
    pub fn networks(&self) -> PathBuf {
        self.root.join("networks")
    }

    /// A folder per image.
    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// A Go module per group of programs.
    pub fn toolchain(&self) -> PathBuf {
        self.root.join("toolchain")
    }

    /// The pxe role.
    pub fn pxe(&self) -> PathBuf {
        self.root.join("pxe")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            Origin::Checkout => write!(f, "the checkout {}", self.root.display()),
            Origin::Program => f.write_str("this program"),
        }
    }
}

/// Unpacks beside the final place, so that another run finds all of it or nothing; whoever is first wins.
fn unpack(pack: &Pack, root: &Path) -> Result<(), FileError> {
    let parent = root.parent().unwrap_or(root);
    files::make_dir(parent, Access::Shared)?;
    let staging = tempfile::tempdir_in(parent).map_err(FileError::of("make folder in", parent))?;
    let mut archive = tar::Archive::new(GzDecoder::new(pack.archive));
    archive.set_preserve_mtime(false);
    archive
        .unpack(staging.path())
        .map_err(FileError::of("unpack into", staging.path()))?;
    files::make_dir(staging.path(), Access::Shared)?;
    match fs::rename(staging.path(), root) {
        Err(_) if root.join(MARK).is_file() => Ok(()),
        renamed => renamed.map_err(FileError::of("put in place", root)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap().to_owned()
    }

    #[test]
    fn a_checkout_is_the_one_named_or_the_nearest_above() {
        let inside = here().join("crates/aznet/src");
        let found = Source::checkout(None, Some(&inside)).unwrap().unwrap();
        assert_eq!((found.root(), found.origin()), (&*here(), Origin::Checkout));
        assert_eq!(Source::checkout(None, Some(Path::new("/"))).unwrap(), None);
        let error = Source::checkout(Some("/nowhere".into()), Some(&inside)).unwrap_err();
        assert!(matches!(error, SourceError::NotOne(path) if path == Path::new("/nowhere")));
    }

    #[test]
    fn a_program_outside_a_checkout_unpacks_its_own_once() {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        tar.append_data(&mut header, MARK, &b"x\n"[..]).unwrap();
        let archive = tar.into_inner().unwrap().finish().unwrap().leak();
        let pack = Pack {
            hash: "abc",
            archive,
        };
        let cache = tempfile::tempdir().unwrap();
        let source = Source::unpacked(cache.path(), &pack).unwrap();
        assert_eq!(source.root(), cache.path().join("source/abc"));
        assert!(source.toolchain().join("kubernetes/go.mod").is_file());
        let nothing = Pack {
            archive: b"",
            ..pack
        };
        assert_eq!(Source::unpacked(cache.path(), &nothing).unwrap(), source);
    }
}
