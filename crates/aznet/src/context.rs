//! What every verb works with.

use aznet_cluster::paths::Paths;

use crate::interrupt::Interrupt;
use crate::printer::Printer;

/// What every verb works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Prints.
    pub printer: Printer,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// Where things are kept.
    pub paths: Paths,
}
