//! The source tree: charts, networks, images, toolchain, all that a binary alone does not hold.

use std::env;
use std::path::{Path, PathBuf};

/// A checkout of aznet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    root: PathBuf,
}

/// What marks the root of a checkout.
const MARK: &str = "toolchain/kubernetes/go.mod";

/// No checkout was found.
#[derive(Debug, thiserror::Error)]
#[error("no source tree of aznet: {} has no {MARK}; run inside a checkout or set AZNET_SOURCE to one", tried.display())]
pub struct NoSource {
    /// The last place looked at.
    pub tried: PathBuf,
}

impl Source {
    /// The checkout that `AZNET_SOURCE` names, else the nearest one above the working directory, else the one this
    /// binary was compiled in.
    pub fn locate() -> Result<Self, NoSource> {
        let named = env::var_os("AZNET_SOURCE").filter(|value| !value.is_empty());
        Self::find(named.map(PathBuf::from), env::current_dir().ok().as_deref())
    }

    fn find(named: Option<PathBuf>, cwd: Option<&Path>) -> Result<Self, NoSource> {
        if let Some(root) = named {
            return Self::at(root);
        }
        cwd.and_then(|dir| dir.ancestors().find_map(|dir| Self::at(dir).ok()))
            .map_or_else(|| Self::at(compiled_in()), Ok)
    }

    /// The checkout at `root`.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self, NoSource> {
        let root = root.into();
        if root.join(MARK).is_file() {
            Ok(Self { root })
        } else {
            Err(NoSource { tried: root })
        }
    }

    /// The root of the checkout.
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

fn compiled_in() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_then_above_then_compiled_in() {
        let checkout = compiled_in();
        let inside = checkout.join("crates/aznet/src");
        assert_eq!(Source::find(None, Some(&inside)).unwrap().root(), checkout);
        let elsewhere = Source::find(None, Some(Path::new("/")));
        assert_eq!(elsewhere.unwrap().root(), checkout);
        let error = Source::find(Some("/nowhere".into()), Some(&inside)).unwrap_err();
        assert_eq!(error.tried, Path::new("/nowhere"));
    }
}
