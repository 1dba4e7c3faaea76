//! What every verb works with.

use aznet_cluster::paths::Paths;
use aznet_cluster::source::{Pack, Source};
use aznet_network::namespace::Scope;

use crate::interrupt::Interrupt;
use crate::printer::Printer;

/// The source tree that this program brings along; packed by `build.rs`.
pub const PACK: Pack = Pack {
    hash: env!("AZNET_SOURCE_HASH"),
    archive: include_bytes!(concat!(env!("OUT_DIR"), "/source.tar.gz")),
};

/// What every verb works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Prints.
    pub printer: Printer,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// Where things are kept.
    pub paths: Paths,
    /// Charts, networks, images, toolchain.
    pub source: Source,
    /// Where networks are looked for and made: `--namespace`.
    pub scope: Scope,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use aznet_cluster::parts::images;
    use flate2::read::GzDecoder;

    use super::PACK;

    #[test]
    fn the_program_brings_along_what_its_images_are_made_of() {
        let mut archive = tar::Archive::new(GzDecoder::new(PACK.archive));
        let entries = archive.entries().expect("an archive");
        let packed: BTreeSet<PathBuf> = entries
            .map(|entry| entry.and_then(|entry| entry.path().map(Into::into)))
            .collect::<Result<_, _>>()
            .expect("names");
        for name in images::crates() {
            let manifest = PathBuf::from(format!("crates/{name}/Cargo.toml"));
            assert!(
                packed.contains(&manifest),
                "no {} in {packed:?}",
                manifest.display()
            );
        }
    }
}
