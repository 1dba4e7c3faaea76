//! Scenarios by chance: networks × faults × load × attacks that a network must survive, drawn by a seed; and one that fails,
//! made smaller.

mod draw;
mod drawn;
mod ground;
mod seen;
mod shrink;
mod survival;
mod test;

pub use self::draw::draw;
pub use self::drawn::{Drawn, Fault, Unusable};
pub use self::ground::{Ground, GroundError};
pub use self::seen::{NotSeen, Seen};
pub use self::shrink::{Shrinker, Step};
pub use self::test::{GENERATED, Given, REGRESSION, test};
