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
